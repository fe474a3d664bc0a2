import { describe, optionNames } from './names'
import type { OptionName, Options } from './schema'

/** A subcommand: which options it shows and takes, what its defaults are where they differ, and how it is used. */
export interface Command {
  summary: string
  options: OptionName[]
  /** The option that the words behind the command fill; required unless it has a default. */
  argument?: { option: OptionName; many?: true; required?: true }
  defaults?: Partial<Options>
  /** True for what stands for a mode of the reference: it takes all of the reference's flags, needed or not. */
  takesReferenceFlags?: true
  aliases?: string[]
  /** Command lines, from the command on, or from `npx` on where several processes are launched. */
  examples: string[]
}

const section = (...names: string[]): OptionName[] =>
  optionNames.filter((name) => names.includes(describe(name).section) && !['execMode', 'json'].includes(name))

const without = (names: OptionName[], ...out: OptionName[]) => names.filter((name) => !out.includes(name))
const engine: OptionName[] = ['backend', 'threads']
const places: OptionName[] = ['config', 'resultsDir', 'debugVerbosity']

const training = without(section('Run', 'Data', 'Model', 'Loss', 'Optimizer', 'Engine', 'Output'), 'checkpoint')
const evaluation: OptionName[] = [
  ...places,
  'checkpoint',
  'batchSize',
  'warmupStep',
  ...section('Data'),
  ...engine,
  'saveEvalResultsToJson',
  'json',
]

export const commands = {
  train: {
    summary: "train TinyUNet; with --data-dir and --class-id alone it is the reference's recipe",
    options: training,
    takesReferenceFlags: true,
    examples: [
      'train --data-dir ./DAGM2007 --class-id 1',
      'train --data-dir ./DAGM2007 --class-id 1 --iter-unit batch --num-iter 2500 --use-auto-loss-scaling --amp',
      'train --resume latest',
      'npx hvdrun -np 2 npx unet-industrial train --data-dir ./DAGM2007 --class-id 1 --global-batch-size 16',
      'train --config runs/latest/config.json --run-name again',
    ],
  },
  'train-and-evaluate': {
    summary: 'train, evaluate on the test images, write the report',
    options: training,
    takesReferenceFlags: true,
    examples: [
      'train-and-evaluate --data-dir ./DAGM2007 --class-id 1',
      'train-and-evaluate --dataset-name synthetic --image-size 64 --iter-unit batch --num-iter 500',
    ],
  },
  evaluate: {
    summary: 'evaluate a checkpoint on all test images',
    options: evaluation,
    takesReferenceFlags: true,
    examples: [
      'evaluate',
      'evaluate --checkpoint class1-a --data-dir ./DAGM2007 --class-id 1 --batch-size 8',
      'evaluate --checkpoint runs/class1-a/checkpoints/step-00001000.safetensors --json',
    ],
  },
  predict: {
    summary: 'find defects in images',
    argument: { option: 'images', many: true, required: true },
    options: [...places, 'checkpoint', 'outputDir', 'threshold', ...engine],
    examples: ['predict photo.png', 'predict "line-7/**/*.png" --output-dir found --threshold 0.5'],
  },
  benchmark: {
    summary: 'measure the speed of training or inference on images made in memory',
    argument: { option: 'mode' },
    options: [
      'mode',
      'imageSize',
      'batchSize',
      'numIter',
      'warmupStep',
      ...engine,
      'amp',
      'xla',
      'json',
      'debugVerbosity',
    ],
    defaults: { mode: 'training', imageSize: 512, batchSize: 2, numIter: 20, warmupStep: 3 },
    takesReferenceFlags: true,
    examples: ['benchmark training', 'benchmark inference --image-size 256 --batch-size 8 --threads 2 --json'],
  },
  data: {
    summary: 'generate, download, check or preview a data set',
    argument: { option: 'action', required: true },
    options: [
      'config',
      'dataDir',
      'classId',
      'split',
      'layout',
      'clean',
      'defective',
      'imageSize',
      'syntheticDifficulty',
      'seed',
      'strict',
      'baseUrl',
      'outputDir',
      'debugVerbosity',
    ],
    defaults: { outputDir: 'preview' },
    examples: [
      'data download --data-dir ./DAGM2007 --class-id 1',
      'data check --data-dir ./DAGM2007 --class-id 1 --strict',
      'data generate --data-dir ./made --image-size 128 --defective 20 --clean 20',
      'data preview --data-dir ./DAGM2007 --class-id 1 --output-dir preview',
    ],
  },
  summary: {
    summary: "print the model's layers, parameters, MACs and activation memory",
    options: ['imageSize', 'batchSize', 'unetVariant', 'activationFn', 'weightInitMethod', 'json', 'debugVerbosity'],
    defaults: { imageSize: 512, batchSize: 1 },
    examples: ['summary', 'summary --unet-variant original --image-size 256'],
  },
  graph: {
    summary: 'show the graphs of a training step and of a prediction, as recorded and after each pass',
    options: [
      'mode',
      'pass',
      'after',
      'format',
      'output',
      'outputDir',
      'imageSize',
      'batchSize',
      'unetVariant',
      'activationFn',
      'lossFnName',
      'useAutoLossScaling',
      'json',
      'debugVerbosity',
    ],
    defaults: { imageSize: 512, batchSize: 2, outputDir: 'graph' },
    examples: [
      'graph',
      'graph --mode inference --image-size 256 --batch-size 1',
      'graph --mode training -o step.html',
      'graph --after elementwise --format svg -o fused.svg',
      'graph --pass constant-folding --mode training',
    ],
  },
  doctor: {
    summary: "say which backends and transports work here, and what to do about those that don't",
    options: ['backend', 'json', 'debugVerbosity'],
    examples: ['doctor', 'doctor --backend node-gpu'],
  },
  demo: {
    summary: 'the recipe on an embedded miniature set: 64x64, synthetic, 16 defective images (npm start)',
    options: training,
    defaults: { datasetName: 'synthetic', imageSize: 64, syntheticDefective: 16, checkpointEvery: 500 },
    examples: ['demo', 'demo --num-iter 500'],
  },
} satisfies Record<string, Command>

export type CommandName = keyof typeof commands
export const commandNames = Object.keys(commands) as CommandName[]
export const command = (name: CommandName): Command => commands[name]
