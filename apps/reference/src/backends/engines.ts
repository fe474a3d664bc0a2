import { availableParallelism } from 'node:os'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { startTfjsNode, tfjsNodeVersion } from './tfjs-node'

// tfjs greets from every backend in Node and warns of kernels registered twice; its own switch keeps both off the terminal.
tf.enableProdMode()

export type EngineName = 'native' | 'node-gpu' | 'node' | 'wasm' | 'cpu'

/** A backend that runs. */
export interface Started {
  /** What it is, in a few words. */
  description: string
  threads: number
  /** Why `auto` passes it over although it works. */
  passedOver?: string
}

/** One way to compute. */
export interface Engine {
  /**
   * Makes it the current tfjs backend.
   *
   * @param threads how many to use, where that can be chosen (native); all that this process may use by default
   * @throws, saying why, where it does not work
   */
  start(threads?: number): Promise<Started>
  trains: boolean
  /** What to do where it does not work. */
  remedy: string
}

const install = (name: string) =>
  `npm install ${name}@${tfjsNodeVersion} in the folder you work in, or beside the app (its install script downloads TensorFlow)`

export const engines: Record<EngineName, Engine> = {
  'node-gpu': {
    trains: true,
    remedy: `${install('@tensorflow/tfjs-node-gpu')}; it needs Linux or Windows, CUDA 11.2 and cuDNN 8.1`,
    start: async () => {
      const { description, usesGpu } = await startTfjsNode('@tensorflow/tfjs-node-gpu')
      return { description, threads: availableParallelism(), ...(!usesGpu && { passedOver: 'finds no GPU' }) }
    },
  },
  native: {
    trains: true,
    remedy: 'npm run build in a clone compiles it; an installed app needs the package of its platform',
    start: async (wanted) => {
      const { nativeInfo, setThreads } = await import('@unet-industrial/backend-native')
      await activate('native')
      if (wanted !== undefined) setThreads(wanted)
      const { isa, threads = 1 } = nativeInfo()
      return { description: `${isa} kernels, ${threads === 1 ? 'one thread' : `${threads} threads`}`, threads }
    },
  },
  node: {
    trains: true,
    remedy: install('@tensorflow/tfjs-node'),
    start: async () => {
      const { description } = await startTfjsNode('@tensorflow/tfjs-node')
      return { description, threads: availableParallelism() }
    },
  },
  wasm: {
    trains: false,
    remedy: 'reinstall the app: its files come with @tensorflow/tfjs-backend-wasm',
    start: async () => {
      await import('@tensorflow/tfjs-backend-wasm')
      await activate('wasm')
      const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')
      return { description: `WebAssembly${simd ? ' with SIMD' : ''}, one thread`, threads: 1 }
    },
  },
  cpu: {
    trains: true,
    remedy: 'reinstall the app',
    start: async () => {
      await activate('cpu')
      return { description: 'plain JavaScript, one thread; slow', threads: 1 }
    },
  },
}

/** `tf.setBackend` that throws the backend's own reason instead of returning false. */
async function activate(name: string): Promise<void> {
  if (await tf.setBackend(name)) return
  await tf.findBackendFactory(name)()
  throw new Error(`tfjs refuses backend ${name}`)
}
