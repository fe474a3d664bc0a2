import { createRequire } from 'node:module'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'

export type TfjsNodePackage = '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu'
export const tfjsNodeVersion = '4.22.0'

/** What tfjs-node's backend tells about itself. */
interface TensorFlowBackend {
  isGPUPackage: boolean
  isUsingGpuDevice: boolean
  binding: { TF_Version: string }
}

/**
 * Loads TensorFlow's C library through one of the two optional packages and makes it the current backend.
 *
 * The only place that touches them: no type and no import of theirs may leave it, because they are not installed with
 * the app (their install script downloads, and may fail or hang).
 *
 * @throws where it is not installed, its binding does not load, or the other of the two is loaded already
 */
export async function startTfjsNode(name: TfjsNodePackage): Promise<{ description: string; usesGpu: boolean }> {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2' // its C++ side greets on stderr otherwise
  const require = createRequire(import.meta.url)
  const util: { isNullOrUndefined?: (value: unknown) => boolean } = require('node:util')
  util.isNullOrUndefined ??= (value) => value === null || value === undefined // gone in Node 23, used by tfjs-node 4.22
  require(locate(name))
  await tf.setBackend('tensorflow')
  const backend = tf.backend() as unknown as TensorFlowBackend
  if (backend.isGPUPackage !== (name === '@tensorflow/tfjs-node-gpu'))
    throw new Error('tfjs-node and tfjs-node-gpu cannot be loaded into one process; start another')
  const device = backend.isUsingGpuDevice ? 'on a GPU' : 'on the CPU'
  return { description: `TensorFlow ${backend.binding.TF_Version} ${device}`, usesGpu: backend.isUsingGpuDevice }
}

/** The package's file, looked for beside the app and then where the user is. */
function locate(name: TfjsNodePackage): string {
  for (const place of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(place).resolve(name)
    } catch {} // not there: the next place
  }
  throw new Error(`${name} is not installed`)
}
