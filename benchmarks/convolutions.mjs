// Every convolution of TinyUNet on the native kernels, forward and both gradients: GFLOP/s, and the share of the measured
// multiply-add peak of the cores used, by the clock and (in brackets) by the processor's time, which a busy machine spoils less.
//
//   node benchmarks/convolutions.mjs [--threads 1,2] [--isa avx512] [--image-size 512] [--batch-size 2] [--repetitions 7] [--layer 3]
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const native = (path) => fileURLToPath(new URL(`../packages/backend-native/${path}`, import.meta.url))
const addon = createRequire(import.meta.url)(native('build/backend-native.node'))
const { nativePeak } = await import(native('dist/index.js'))

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1,2' },
    isa: { type: 'string', default: addon.info().isa },
    'image-size': { type: 'string', default: '512' },
    'batch-size': { type: 'string', default: '2' },
    repetitions: { type: 'string', default: '7' },
    layer: { type: 'string' },
  },
})
const imageSize = Number(options['image-size'])
const batch = Number(options['batch-size'])

// [how many times the image is halved, input channels, output channels, filter, how many the net has]
const layers = [
  [0, 1, 32, 3, 1],
  [0, 32, 32, 3, 2],
  [0, 48, 32, 3, 1],
  [0, 32, 1, 1, 1],
  [0, 16, 16, 2, 1],
  [1, 32, 32, 3, 2],
  [1, 64, 32, 3, 1],
  [1, 32, 16, 3, 1],
  [1, 32, 32, 2, 1],
  [2, 32, 64, 3, 1],
  [2, 64, 64, 3, 1],
  [2, 128, 64, 3, 1],
  [2, 64, 32, 3, 1],
  [2, 64, 64, 2, 1],
  [3, 64, 128, 3, 1],
  [3, 128, 128, 3, 1],
  [3, 256, 128, 3, 1],
  [3, 128, 64, 3, 1],
  [3, 128, 128, 2, 1],
  [4, 128, 256, 3, 1],
  [4, 256, 256, 3, 1],
]

/** The best times of `work` in seconds: by the clock and by the processor. */
function time(work) {
  work()
  let [clock, processor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let i = 0; i < Number(options.repetitions); i++) {
    const [start, before] = [performance.now(), process.cpuUsage()]
    work()
    clock = Math.min(clock, (performance.now() - start) / 1e3)
    const { user, system } = process.cpuUsage(before)
    processor = Math.min(processor, (user + system) / 1e6)
  }
  return { clock, processor }
}

/** The three kernels of one layer on data of its own. */
function kernelsOf([halvings, inChannels, outChannels, filter]) {
  const size = imageSize >> halvings
  const pad = (filter - 1) >> 1
  const shape = Int32Array.of(
    ...[batch, size, size, inChannels, size, size, outChannels],
    ...[filter, filter, 1, 1, 1, 1, pad, pad],
  )
  const random = (count) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898))
  const pixels = batch * size * size
  const [x, dx] = [random(pixels * inChannels), new Float32Array(pixels * inChannels)]
  const [dy, y] = [random(pixels * outChannels), new Float32Array(pixels * outChannels)]
  const weights = random(filter * filter * inChannels * outChannels)
  const gradient = new Float32Array(weights.length)
  const relu = addon.activations.indexOf('relu')
  return {
    name: `${`${size}:`.padEnd(5)}${String(inChannels).padStart(3)} → ${String(outChannels).padEnd(3)} ${filter}x${filter}`,
    operations: 2 * pixels * weights.length,
    forward: () => addon.conv2d(shape, x, weights, random(outChannels), relu, 0, y),
    'by input': () => addon.conv2dBackpropInput(shape, dy, weights, dx),
    'by filter': () => addon.conv2dBackpropFilter(shape, x, dy, gradient),
  }
}

addon.setIsa(addon.info().isas.indexOf(options.isa))
addon.setThreads(1)
const peak = nativePeak().gflops
console.log(
  `${options.isa}, multiply-add peak of one core ${peak.toFixed(1)} GFLOP/s, ${imageSize}x${imageSize}, batch ${batch}`,
)
for (const threads of options.threads.split(',').map(Number)) {
  addon.setThreads(threads)
  console.log(
    `\n${threads} thread${threads > 1 ? 's' : ''}: GFLOP/s, share of the peak by the clock (by the processor's time)`,
  )
  const totals = {}
  for (const [i, layer] of layers.entries()) {
    if (options.layer !== undefined && Number(options.layer) !== i) continue
    const { name, operations, ...kernels } = kernelsOf(layer)
    const columns = Object.entries(kernels).map(([kernel, work]) => {
      const { clock, processor } = time(work)
      totals[kernel] = (totals[kernel] ?? 0) + clock * layer[4]
      const rate = operations / 1e9
      const share = (seconds, cores) => (rate / seconds / peak / cores).toFixed(2)
      return `${kernel} ${(rate / clock).toFixed(0).padStart(4)} ${share(clock, threads)} (${share(processor, 1)})`
    })
    console.log(`${String(i).padStart(2)}  ${name}  ${columns.join('   ')}`)
  }
  const sum = Object.values(totals).reduce((a, b) => a + b)
  console.log(
    `sum: ${Object.entries(totals)
      .map(([kernel, s]) => `${kernel} ${(1e3 * s).toFixed(0)} ms`)
      .join(', ')}, together ${(1e3 * sum).toFixed(0)} ms`,
  )
}
