// The convolutions that the engine runs on blocked tensors, forward and both gradients: GFLOP/s, counted as the definition
// has them, as a multiple of the measured multiply-add peak of the cores used. Winograd's form may reach 4.
//
//   node benchmarks/blocked.mjs [--threads 1,2] [--isa avx512] [--image-size 512] [--batch-size 2] [--repetitions 7] [--layer 3] [--exact]
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
    exact: { type: 'boolean', default: false },
  },
})
const imageSize = Number(options['image-size'])
const batch = Number(options['batch-size'])
const exact = Number(options.exact)

// [how many times the image is halved, channels of each part, output channels, filter, pooled]
const layers = [
  [0, [32], 32, 3, true],
  [1, [32], 32, 3, false],
  [1, [32], 32, 3, true],
  [2, [32], 64, 3, false],
  [2, [64], 64, 3, true],
  [3, [64], 128, 3, false],
  [3, [128], 128, 3, true],
  [4, [128], 256, 3, false],
  [4, [256], 256, 3, false],
  [3, [256], 128, 2, false],
  [3, [128, 128], 128, 3, false],
  [3, [128], 64, 3, false],
  [2, [64], 64, 2, false],
  [2, [64, 64], 64, 3, false],
  [2, [64], 32, 3, false],
  [1, [32], 32, 2, false],
  [1, [32, 32], 32, 3, false],
  [1, [32], 16, 3, false],
  [0, [16], 16, 2, false],
  [0, [16, 32], 32, 3, false],
  [0, [32], 32, 3, false],
]

const engine = addon.createEngine()
const operations = addon.operations()
const random = (count) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898))
const blockedFloats = ([n, height, width, channels]) => {
  const padded = (size) => Math.ceil(size / 4) * 4 + 2
  return n * padded(height) * padded(width) * channels
}

/** Seconds of one operation at best. Operands are arrays, or shapes of blocked tensors; blocked inputs hold random values. */
function time(operation, params, numbers, inputs, outputs) {
  const code = []
  const buffers = []
  const arrays = { 0: [], 1: [] } // inputs and outputs of the program
  let arena = 0
  const buffer = (kind, place, bytes) => buffers.push(kind, place, bytes) / 3 - 1
  const array = (kind, values) => buffer(kind, arrays[kind].push(values) - 1, values.byteLength)
  const operand = (kind) => (what) => {
    if (what === null) return -1
    if (what instanceof Float32Array) return array(kind, what)
    const bytes = 4 * blockedFloats(what)
    const here = buffer(2, arena, bytes)
    arena += Math.ceil(bytes / 64) * 64
    if (kind === 0)
      code.push(
        operations.indexOf('to_blocked'),
        4,
        0,
        2,
        ...what,
        array(0, random(what.reduce((a, b) => a * b))),
        here,
      )
    return here
  }
  const operands = [...inputs.map(operand(0)), ...outputs.map(operand(1))]
  code.push(operations.indexOf(operation), params.length, numbers.length, operands.length, ...params, ...operands)
  const program = addon.createProgram(Int32Array.from(code), Float32Array.from(numbers), Float64Array.from(buffers))
  const times = new Float64Array(2 * (1 + inputs.filter((what) => Array.isArray(what)).length))
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i <= Number(options.repetitions); i++) {
    addon.run(engine, program, arrays[0], arrays[1], times)
    best = Math.min(best, times.at(-1) / 1e3)
  }
  addon.disposeProgram(program)
  return best
}

const relu = addon.activations.indexOf('relu')

/** 3x3: gradients with the mask of the first part, as in the net. */
function plain(size, parts, channels, pooled) {
  const shape = [batch, size, size]
  const [y, xs] = [[...shape, channels], parts.map((part) => [...shape, part])]
  const half = pooled ? [batch, size / 2, size / 2, channels] : null
  const filter = random(9 * parts.reduce((a, b) => a + b) * channels)
  const masks = xs.map((x, i) => (i === 0 ? x : null))
  return {
    forward: () =>
      time(
        'blocked_convolution',
        [...shape, relu, exact, channels, ...parts],
        [0],
        [filter, random(channels), ...xs],
        [y, half],
      ),
    'by input': () =>
      time('blocked_convolution_input_gradient', [...shape, exact, channels, ...parts], [], [y, filter, ...masks], xs),
    'by filter': () =>
      time(
        'blocked_filter_gradient',
        [...shape, 0, exact, channels, ...parts],
        [],
        [y, ...xs],
        [filter.slice(), random(channels)],
      ),
  }
}

/** Doubling, then 2x2. */
function upsampled(size, [depth], channels) {
  const x = [batch, size / 2, size / 2, depth]
  const y = [batch, size, size, channels]
  const filter = random(4 * depth * channels)
  return {
    forward: () => time('upsampled_convolution', [...x, channels, relu], [0], [x, filter, random(channels)], [y]),
    'by input': () => time('upsampled_input_gradient', [...x, channels], [], [y, filter, x], [x]),
    'by filter': () =>
      time(
        'blocked_filter_gradient',
        [...x.slice(0, 3), 1, exact, channels, depth],
        [],
        [y, x],
        [filter.slice(), random(channels)],
      ),
  }
}

addon.setIsa(addon.info().isas.indexOf(options.isa))
addon.setThreads(1)
const peak = nativePeak().gflops
console.log(
  `${options.isa}, multiply-add peak of one core ${peak.toFixed(1)} GFLOP/s, ${imageSize}x${imageSize}, batch ${batch}${exact ? ', exact' : ''}`,
)
for (const threads of options.threads.split(',').map(Number)) {
  addon.setThreads(threads)
  console.log(`\n${threads} thread${threads > 1 ? 's' : ''}: ms, GFLOP/s, multiple of the peak`)
  const totals = {}
  for (const [i, [halvings, parts, channels, filter, pooled]] of layers.entries()) {
    if (options.layer !== undefined && Number(options.layer) !== i) continue
    const size = imageSize >> halvings
    const gflop = (2 * batch * size ** 2 * filter ** 2 * parts.reduce((a, b) => a + b) * channels) / 1e9
    const kernels = filter === 3 ? plain(size, parts, channels, pooled) : upsampled(size, parts, channels)
    const columns = Object.entries(kernels).map(([kernel, work]) => {
      const seconds = work()
      totals[kernel] = (totals[kernel] ?? 0) + seconds
      const rate = gflop / seconds
      return `${kernel} ${(1e3 * seconds).toFixed(2).padStart(6)} ${rate.toFixed(0).padStart(5)} ${(rate / peak / threads).toFixed(2)}`
    })
    const name = `${`${size}:`.padEnd(5)}${parts.join('+').padStart(7)} → ${String(channels).padEnd(3)} ${filter}x${filter}`
    console.log(`${String(i).padStart(2)}  ${name}  ${columns.join('   ')}`)
  }
  const sums = Object.entries(totals).map(([kernel, seconds]) => `${kernel} ${(1e3 * seconds).toFixed(1)} ms`)
  console.log(`sum: ${sums.join(', ')}`)
}
