import { z } from 'zod'
import { about, flag, number, oneOf, text, wholeNumber } from './kinds'

/** The model's activations; `prelu` means `prelu_not_shared`. */
export const activations = [
  'relu',
  'leaky_relu',
  'prelu',
  'prelu_shared',
  'prelu_not_shared',
  'elu',
  'selu',
  'crelu',
  'relu6',
  'tanh',
  'sigmoid',
] as const
export const initializers = ['he_uniform', 'he_normal', 'glorot_uniform', 'glorot_normal', 'orthogonal'] as const
export const losses = ['adaptive_loss', 'x-entropy', 'l2_loss', 'dice_sorensen', 'dice_jaccard'] as const
export const backendNames = ['auto', 'native', 'node-gpu', 'node', 'wasm', 'cpu'] as const

/**
 * Every option of every command, once: flags, types, config.json and the README's table come from here.
 *
 * Defaults are the reference's recipe (2500 epochs of its published model card); a command may have others of its own
 * (commands.ts). `reference: true` marks the reference's own flags.
 */
export const schema = z.strictObject({
  // Run
  execMode: oneOf('train', 'train_and_evaluate', 'evaluate', 'training_benchmark', 'inference_benchmark')
    .optional()
    .register(about, {
      section: 'Run',
      reference: true,
      help: 'what to do, where no command is named',
    }),
  config: text().optional().register(about, {
    section: 'Run',
    value: 'file',
    help: "read options from a JSON file such as a run's config.json; flags win over it",
  }),
  resultsDir: text().default('runs').register(about, {
    section: 'Run',
    value: 'folder',
    reference: true,
    help: 'the folder of all runs; a run is a folder in it, and `latest` in it names the newest',
  }),
  runName: text().optional().register(about, {
    section: 'Run',
    value: 'name',
    help: "the run's name (default: made from class and time)",
  }),
  resume: z.union([z.boolean(), text()]).default(false).register(about, {
    section: 'Run',
    value: 'run',
    help: 'continue a run (a name, a folder or a checkpoint; alone: the latest run) to the same bits; flags given beside it win over its config.json',
  }),
  checkpoint: text().default('latest').register(about, {
    section: 'Run',
    value: 'run',
    help: "which weights to use: a run's name, its folder, a checkpoint, or `latest`",
  }),
  iterUnit: oneOf('epoch', 'batch').default('epoch').register(about, {
    section: 'Run',
    reference: true,
    help: 'the unit of --num-iter and --learning-rate-decay-steps: passes over the training set, or steps',
  }),
  numIter: wholeNumber(1).default(2500).register(about, {
    section: 'Run',
    reference: true,
    help: 'how many epochs or batches to train',
  }),
  batchSize: wholeNumber(1)
    .default(16)
    .register(about, { section: 'Run', reference: true, help: 'images a step, of each process' }),
  globalBatchSize: wholeNumber(1).optional().register(about, {
    section: 'Run',
    help: 'images a step of all processes together, instead of --batch-size',
  }),
  warmupStep: wholeNumber().default(200).register(about, {
    section: 'Run',
    reference: true,
    help: 'steps at the start that the measured speed leaves out',
  }),
  seed: wholeNumber(0, 2 ** 32 - 1)
    .default(1)
    .register(about, {
      section: 'Run',
      reference: true,
      help: 'the same seed gives the same bits: weights, order of images, augmentation',
    }),

  // Data
  dataDir: text().optional().register(about, {
    section: 'Data',
    value: 'folder',
    reference: true,
    help: 'where DAGM 2007 lies, in either layout',
  }),
  datasetName: oneOf('DAGM2007', 'synthetic').default('DAGM2007').register(about, {
    section: 'Data',
    reference: true,
    help: 'the real set, or one drawn in memory',
  }),
  classId: wholeNumber(1, 10)
    .default(1)
    .register(about, {
      section: 'Data',
      aliases: ['dataset-class-id'],
      reference: true,
      help: 'the class of DAGM 2007; one model a class',
    }),
  imageSize: wholeNumber(16, 8192).optional().register(about, {
    section: 'Data',
    help: "height and width, divisible by 16 (default: the set's own, 512 for DAGM)",
  }),
  normalization: oneOf('zero_centered', 'zero_one', 'none').default('zero_centered').register(about, {
    section: 'Data',
    help: 'pixels become −1 to 1, 0 to 1, or stay 0 to 255',
  }),
  augmentData: flag(true).register(about, {
    section: 'Data',
    reference: true,
    help: 'flip and turn the training images by quarters at random',
  }),
  strict: flag(false).register(about, {
    section: 'Data',
    help: "take a count of images other than DAGM's official one for an error, not a warning",
  }),
  syntheticDefective: wholeNumber(1, 100_000).default(16).register(about, {
    section: 'Data',
    help: 'defective images in the synthetic training set',
  }),
  syntheticTest: wholeNumber(1, 100_000).default(32).register(about, {
    section: 'Data',
    help: 'images in the synthetic test set, half of them defective',
  }),
  syntheticDifficulty: oneOf('easy', 'hard').default('easy').register(about, {
    section: 'Data',
    help: 'how far defects of the synthetic set stand out',
  }),

  // Model
  unetVariant: oneOf('tinyUNet', 'original').default('tinyUNet').register(about, {
    section: 'Model',
    reference: true,
    help: '1.85 or 29.1 million parameters',
  }),
  activationFn: oneOf(...activations)
    .default('relu')
    .register(about, { section: 'Model', reference: true, help: 'activation behind each convolution' }),
  weightInitMethod: oneOf(...initializers)
    .default('he_uniform')
    .register(about, { section: 'Model', reference: true, help: 'how kernels start; biases start at zero' }),
  dataFormat: oneOf('NHWC', 'NCHW').default('NHWC').register(about, {
    section: 'Model',
    reference: true,
    help: "the reference's choice of layout; accepted, changes nothing here",
  }),

  // Loss
  lossFnName: oneOf(...losses)
    .default('adaptive_loss')
    .register(about, { section: 'Loss', reference: true, help: 'what is minimised' }),
  adaptiveThreshold: number(0, 1)
    .default(0.3)
    .register(about, { section: 'Loss', help: 'the dice loss at which the adaptive loss changes branch' }),
  adaptiveBelow: oneOf('dice', 'bce')
    .default('dice')
    .register(about, { section: 'Loss', help: 'branch of the adaptive loss below the threshold' }),
  adaptiveAbove: oneOf('dice', 'bce')
    .default('bce')
    .register(about, { section: 'Loss', help: 'branch of the adaptive loss at and above the threshold' }),
  weightDecay: number()
    .default(1e-5)
    .register(about, { section: 'Loss', reference: true, help: 'factor of Σ v²/2 over all variables' }),

  // Optimizer
  learningRate: number()
    .default(1e-4)
    .register(about, { section: 'Optimizer', reference: true, help: 'learning rate at the start' }),
  learningRateDecayFactor: number(0, 1).default(0.8).register(about, {
    section: 'Optimizer',
    reference: true,
    help: 'the learning rate falls by this factor, in stairs',
  }),
  learningRateDecaySteps: wholeNumber(1)
    .default(500)
    .register(about, { section: 'Optimizer', reference: true, help: 'length of a stair, in --iter-unit' }),
  rmspropDecay: number(0, 1)
    .default(0.9)
    .register(about, { section: 'Optimizer', reference: true, help: 'decay of the running means' }),
  rmspropMomentum: number(0, 1)
    .default(0.8)
    .register(about, { section: 'Optimizer', reference: true, help: 'momentum' }),
  useAutoLossScaling: flag(false).register(about, {
    section: 'Optimizer',
    reference: true,
    help: "dynamic loss scale as TensorFlow's: from 2^15, ×2 after 2000 finite steps, ÷2 after a bad one",
  }),

  // Engine
  backend: oneOf(...backendNames)
    .default('auto')
    .register(about, {
      section: 'Engine',
      help: 'what computes; auto tries node-gpu, native, wasm (inference only), cpu',
    }),
  threads: wholeNumber(1, 1024).optional().register(about, {
    section: 'Engine',
    help: 'threads of the native backend (default: one a core, shared by the processes of a host)',
  }),
  amp: flag(false).register(about, {
    section: 'Engine',
    aliases: ['use-tf-amp'],
    reference: true,
    help: 'mixed precision; this version computes in float32 and applies the loss scale only',
  }),
  xla: flag(false).register(about, {
    section: 'Engine',
    aliases: ['use-xla'],
    reference: true,
    help: 'compile the graph; this version runs eagerly',
  }),

  // Output
  displayEvery: wholeNumber(1)
    .default(50)
    .register(about, { section: 'Output', reference: true, help: 'steps between lines, where output is no terminal' }),
  checkpointEvery: wholeNumber(1)
    .default(1000)
    .register(about, { section: 'Output', help: 'steps between checkpoints; five are kept' }),
  sampleEvery: wholeNumber(1)
    .default(500)
    .register(about, { section: 'Output', help: 'steps between sample pictures' }),
  logDir: text().optional().register(about, {
    section: 'Output',
    value: 'file',
    reference: true,
    help: 'also append the JSON lines of metrics.jsonl to this file',
  }),
  saveEvalResultsToJson: flag(false).register(about, {
    section: 'Output',
    reference: true,
    help: "also write the evaluation as the reference's results.json",
  }),
  debugVerbosity: wholeNumber(0, 2).default(0).register(about, {
    section: 'Output',
    reference: true,
    help: '1 adds the model summary, 2 also the stack of an error',
  }),
  json: flag(false).register(about, {
    section: 'Output',
    help: 'print one line of JSON and nothing else',
  }),

  // Command
  images: z.array(text()).default([]).register(about, {
    section: 'Command',
    help: 'predict: files, folders or globs',
  }),
  outputDir: text().default('predictions').register(about, {
    section: 'Command',
    value: 'folder',
    help: 'where predict, data and graph write',
  }),
  threshold: number(0, 1)
    .default(0.75)
    .register(about, { section: 'Command', help: 'a pixel is defective where its probability is greater' }),
  mode: oneOf('training', 'inference').optional().register(about, {
    section: 'Command',
    help: 'benchmark, graph: a training step or a prediction (default: training; graph alone: both)',
  }),
  pass: text().optional().register(about, {
    section: 'Command',
    value: 'name',
    help: 'graph: show what this pass alone makes of the recorded graph',
  }),
  after: text().optional().register(about, {
    section: 'Command',
    value: 'name',
    help: 'graph: show the graph behind this pass and all before it, or as it was `recorded`',
  }),
  format: oneOf('text', 'svg', 'html').optional().register(about, {
    section: 'Command',
    help: "graph: how one is shown (default: by --output's ending, else text)",
  }),
  output: text().optional().register(about, {
    section: 'Command',
    value: 'file',
    short: 'o',
    help: 'graph: where one is written, instead of to the terminal',
  }),
  action: oneOf('generate', 'download', 'check', 'preview')
    .default('check')
    .register(about, { section: 'Command', help: 'data: what to do' }),
  layout: oneOf('competition', 'public')
    .default('competition')
    .register(about, { section: 'Command', help: 'data generate: how the set is laid out on disk' }),
  split: oneOf('train', 'test')
    .default('train')
    .register(about, { section: 'Command', help: 'data: which half of the set' }),
  clean: wholeNumber(0, 100_000)
    .default(16)
    .register(about, { section: 'Command', help: 'data generate: images without a defect' }),
  defective: wholeNumber(0, 100_000)
    .default(16)
    .register(about, { section: 'Command', help: 'data generate: images with a defect' }),
  baseUrl: text().optional().register(about, {
    section: 'Command',
    value: 'address',
    help: 'data download: where the archives lie',
  }),
})

/** All options with their defaults filled in. */
export type Options = z.output<typeof schema>
export type OptionName = keyof Options
