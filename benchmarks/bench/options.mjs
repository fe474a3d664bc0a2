// What `npm run bench` may be asked.
import { parseArgs } from 'node:util'
import { contenders } from './contenders.mjs'
import { parts } from './parts.mjs'

const numbers = (text) => text.split(',').map(Number)

/** Of the record, and of --quick, which only shows that all paths work. */
const sizes = {
  record: {
    ...{ rounds: 3, steps: 5, imageSize: 512, batchSize: 2, largeBatch: 16, seconds: 3 },
    ...{ sizes: [64, 128, 256, 512, 1024], batches: [1, 2, 4, 8, 16] },
    ...{ smallImage: 64, latencySteps: 200, inferences: 10_000, trainings: 2000, demoSteps: 2500 },
  },
  quick: {
    ...{ rounds: 1, steps: 2, imageSize: 64, batchSize: 2, largeBatch: 4, seconds: 0.1 },
    ...{ sizes: [32, 64], batches: [1, 2] },
    ...{ smallImage: 16, latencySteps: 10, inferences: 100, trainings: 20, demoSteps: 20 },
  },
}

const flags = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  contenders: { type: 'string' },
  rounds: { type: 'string' },
  steps: { type: 'string' },
  'image-size': { type: 'string' },
  'batch-size': { type: 'string' },
  sizes: { type: 'string' },
  batches: { type: 'string' },
  threads: { type: 'string' },
  'torch-python': { type: 'string', default: process.env.UNET_TORCH_PYTHON ?? 'python3' },
  'tf-python': { type: 'string', default: process.env.UNET_TF_PYTHON ?? 'python3' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h', default: false },
}

const list = (entries) => entries.map(([name, text]) => `    ${name.padEnd(16)} ${text}`).join('\n')

export const help = `npm run bench -- [options]

Measures this project beside its rivals on the same cores, in turn, and writes RESULTS.md, results.json and a plot.
Ctrl-C writes what is there.

  --quick                tiny images and few steps: shows that all works, its figures mean nothing
  --only PART,…          some parts only:
${list(Object.entries(parts).map(([name, { about }]) => [name, about]))}
  --contenders NAME,…    some of them only:
${list(Object.entries(contenders).map(([name, { label }]) => [name, label]))}
  --rounds N             how often each is measured for the table (3)
  --steps N              steps of each measurement for the table (5)
  --image-size N, --batch-size N, --threads N        of the table (512, 2, all cores)
  --sizes N,…, --batches N,…                         of the plot (64,128,256,512,1024 and 1,2,4,8,16)
  --torch-python FILE    Python with PyTorch (environment UNET_TORCH_PYTHON, else python3)
  --tf-python FILE       Python with TensorFlow (environment UNET_TF_PYTHON, else python3)
  -o, --output FOLDER    where results go (a whole run: benchmarks; --quick and --only: runs/bench)`

/** A whole number of at least 1 for each, of images' sides a multiple of 16, or an error that names the flag. */
function checked(flag, values) {
  for (const value of values) {
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${flag}: got ${value}, expected a whole number of at least 1`)
    if (['image-size', 'sizes'].includes(flag) && value % 16 !== 0)
      throw new Error(`--${flag}: got ${value}, expected a multiple of 16`)
  }
  return values
}

function chosen(flag, text, known) {
  const names = text?.split(',') ?? known
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--${flag}: got ${unknown}, expected some of ${known.join(', ')}`)
  return names
}

/** @throws in one line where the command line is wrong */
export function readOptions(argv, cores) {
  const { values } = parseArgs({ args: argv, options: flags })
  const standard = values.quick ? sizes.quick : sizes.record
  const number = (flag, byDefault) =>
    values[flag] === undefined ? byDefault : checked(flag, [Number(values[flag])])[0]
  const several = (flag, byDefault) => (values[flag] === undefined ? byDefault : checked(flag, numbers(values[flag])))
  return {
    ...standard,
    help: values.help,
    quick: values.quick,
    /** Whether the figures are of the sizes for which there are targets. */
    isRecord: !['quick', 'image-size', 'batch-size', 'threads'].some((flag) => values[flag]),
    parts: chosen('only', values.only, Object.keys(parts)),
    contenders: chosen('contenders', values.contenders, Object.keys(contenders)),
    rounds: number('rounds', standard.rounds),
    steps: number('steps', standard.steps),
    imageSize: number('image-size', standard.imageSize),
    batchSize: number('batch-size', standard.batchSize),
    sizes: several('sizes', standard.sizes),
    batches: several('batches', standard.batches),
    threads: number('threads', cores),
    python: { torch: values['torch-python'], tensorflow: values['tf-python'] },
    output: values.output ?? (values.quick || values.only || values.contenders ? 'runs/bench' : 'benchmarks'),
    command: ['npm run bench', ...(argv.length ? ['--', ...argv] : [])].join(' '),
  }
}
