// Who is measured: this project in its ways, and what a user would take instead.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isTfjsNodeReady, tfjsNodeFolder } from '../../tests/tfjs-node/folder.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const peers = join(process.env.UNET_SHARED_DIR ?? join(root, '../shared'), 'peers')
const shown = (script) => `../shared/peers/${script}`

/**
 * A contender:
 * - `label`
 * - `tasks` that it can do
 * - `rate`: images a second of 512x512 on two cores, `start`: seconds, `memory`: bytes an image of 512x512 in training. All
 *   three are rough: the first two tell how long it will take, the third keeps it from what does not fit
 * - `command(point, options)`: { file, args, cwd, env, shown } that measures a point and prints one line of JSON
 * - `read(line, point)`: { imagesPerSecond, peakRssBytes, … } of that line
 * - `missing(options)`: why it cannot be measured here and what to do, or undefined
 */
export const contenders = {
  compiled: ours({ label: 'this project', flags: ['--xla'], rate: { training: 4, inference: 14 } }),
  eager: ours({ label: 'this project, --no-xla', flags: ['--no-xla'], rate: { training: 1.3, inference: 4.5 } }),
  avx2: ours({
    label: 'this project, AVX2 forced',
    flags: ['--xla'],
    env: { UNET_NATIVE_ISA: 'avx2' },
    rate: { training: 3, inference: 10 },
    missing: () => (instructionSets()[0] === 'avx512' ? undefined : 'not measured: AVX2 is all that this machine has'),
  }),
  'torch-f32': torch('f32', 'PyTorch', { training: 0.5, inference: 2.2 }, 0.6e9),
  'torch-f32cl': torch('f32cl', 'PyTorch, channels last', { training: 0.9, inference: 2.7 }, 0.5e9),
  'torch-compiled': torch('compiled', 'PyTorch, compiled', { training: 0.9, inference: 4 }, 0.4e9, 60),
  tensorflow: {
    label: 'TensorFlow',
    tasks: ['training', 'inference'],
    rate: { training: 1.5, inference: 5 },
    start: 8,
    memory: 0.5e9,
    command: python('tensorflow', 'tf_unet.py', ['--dtype', 'float32']),
    read: readRival,
    missing: ({ python }) => missingPython(python.tensorflow, 'tensorflow', 'tensorflow-cpu==2.21.0', '--tf-python'),
  },
  'tfjs-node': {
    label: 'tfjs-node',
    tasks: ['training', 'inference'],
    both: true, // its script measures one after the other
    rate: { training: 0.8, inference: 4 },
    start: 5,
    memory: 1.7e9,
    command: ({ imageSize, batchSize, steps }, { threads }) => ({
      file: process.execPath,
      args: ['--require', join(root, 'benchmarks/bench/old-util.cjs'), join(peers, 'tfjs_unet.mjs')].concat(
        ['tfjs-node', batchSize, imageSize, steps].map(String),
      ),
      cwd: tfjsNodeFolder,
      env: { TF_CPP_MIN_LOG_LEVEL: '2', TF_NUM_INTRAOP_THREADS: String(threads) },
      shown: `node ${shown('tfjs_unet.mjs')} tfjs-node ${batchSize} ${imageSize} ${steps}`,
    }),
    read: readRival,
    missing: () => missingScript('tfjs_unet.mjs') ?? missingTfjsNode(),
  },
  wasm: ours({
    label: "tfjs's wasm backend, one thread",
    backend: 'wasm',
    tasks: ['inference'],
    rate: { inference: 0.75 },
  }),
}

function ours({ label, flags = [], env = {}, backend = 'native', tasks = ['training', 'inference'], rate, missing }) {
  return {
    label,
    tasks,
    rate,
    start: 1,
    memory: 0.35e9,
    command: ({ task, imageSize, batchSize, steps, warmup, collect }, { threads }) => {
      const words = ['benchmark', task, '--image-size', imageSize, '--batch-size', batchSize, '--num-iter', steps]
      words.push('--warmup-step', warmup, '--backend', backend, '--threads', threads, ...flags, '--json')
      const prefix = Object.entries(env).map(([name, value]) => `${name}=${value} `)
      const node = collect ? 'node --expose-gc apps/reference/bin/unet-industrial.mjs' : 'npx unet-industrial'
      return {
        file: process.execPath,
        args: [
          ...(collect ? ['--expose-gc'] : []),
          join(root, 'apps/reference/bin/unet-industrial.mjs'),
          ...words.map(String),
        ],
        cwd: root,
        env,
        shown: `${prefix.join('')}${node} ${words.join(' ')}`,
      }
    },
    // Rivals give medians of their steps, so this does too.
    read: ({ batchSize, msPerStep, firstStepSeconds, rssBytes, peakRssBytes }) => ({
      imagesPerSecond: (1000 * batchSize) / msPerStep.p50,
      ...{ msPerStep, firstStepSeconds, rssBytes, peakRssBytes },
    }),
    missing: missing ?? (() => undefined),
  }
}

function torch(mode, label, rate, memory, start = 6) {
  return {
    label,
    tasks: ['training', 'inference'],
    rate,
    start,
    memory,
    command: python('torch', 'torch_unet.py', ['--mode', mode]),
    read: readRival,
    missing: ({ python }) => missingPython(python.torch, 'torch', 'torch==2.15.0 numpy', '--torch-python'),
  }
}

function python(which, script, words) {
  return ({ task, imageSize, batchSize, steps }, options) => {
    const sizes = ['--batch', batchSize, '--size', imageSize, '--threads', options.threads, '--steps', steps]
    const args = [...words, ...sizes.map(String), '--task', task === 'training' ? 'train' : 'infer']
    const command = { file: options.python[which], args: [join(peers, script), ...args], cwd: root, env: {} }
    return { ...command, shown: `python ${shown(script)} ${args.join(' ')}` }
  }
}

/** Of a line of a rival's script. */
function readRival({ peer, trainImagesPerSecond, inferImagesPerSecond, peakRssBytes }, { task }) {
  const imagesPerSecond = task === 'training' ? trainImagesPerSecond : inferImagesPerSecond
  return { peer, imagesPerSecond, peakRssBytes }
}

const missingScript = (script) =>
  existsSync(join(peers, script))
    ? undefined
    : `not measured: ${shown(script)} is not here; UNET_SHARED_DIR names another folder`

function missingPython(file, module, packages, flag) {
  const script = missingScript(module === 'torch' ? 'torch_unet.py' : 'tf_unet.py')
  if (script) return script
  const look = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`
  try {
    execFileSync(file, ['-c', look], { stdio: 'ignore' })
    return undefined
  } catch ({ code }) {
    const what = code === 'ENOENT' ? 'there is no such program' : `it has no ${module}`
    return `not measured with ${flag} ${file}: ${what}; python3 -m venv V && V/bin/pip install ${packages}, then ${flag} V/bin/python`
  }
}

const missingTfjsNode = () =>
  isTfjsNodeReady()
    ? undefined
    : 'not measured: node tests/tfjs-node/install.mjs installs it and makes it run (Linux on x86-64)'

/** Of this machine, best first; none where there are no native kernels. */
function instructionSets() {
  try {
    return createRequire(import.meta.url)('../../packages/backend-native/build/backend-native.node').info().isas
  } catch {
    return []
  }
}
