import { join } from 'node:path'
import type { Dataset } from '@unet-industrial/dagm-dataset'
import { init, rank, size } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../backends'
import { removeDrafts, writeAtomically } from '../files'
import { command } from '../options/commands'
import { readConfigFile } from '../options/config-file'
import { optionNames } from '../options/names'
import type { Request } from '../options/parse'
import { takes } from '../options/reference'
import { type Options, schema } from '../options/schema'
import { EventWriter } from '../report/tensorboard'
import { say } from '../say'
import { version } from '../version'
import { restoreCheckpoint } from './checkpoint'
import { listCheckpoints, removeCheckpoint, stepOf } from './checkpoint-files'
import { openSamples, trainingSet } from './data'
import { listenForInterrupt } from './interrupt'
import { trainingLoop } from './loop'
import { cutMetrics, MetricsLog, now } from './metrics-log'
import { plan } from './plan'
import { showProgress } from './progress'
import { type Recipe, recipe } from './recipe'
import { createRun, freshName, type Located, locate, nameLatest, type RunFolder } from './run-folder'
import { SpeedMeter } from './speed'

/** How a training ended. */
export interface Trained {
  options: Options
  run: RunFolder
  recipe: Recipe
  step: number
  /** The signal that ended it early. */
  signal: NodeJS.Signals | undefined
}

/** Trains as a command line asks: a new run, or one that goes on. */
export async function runTraining(request: Request): Promise<Trained> {
  const { options, resumed } = resolve(request)
  for (const note of notes(options)) say(note)
  const backend = await selectBackend(options.backend, 'training', options.threads)
  await init()
  const samples = await openSamples(options, 'train', say)
  const dataset = await trainingSet(options, samples, { rank: rank(), size: size() }, say)
  const steps = plan(options, samples.filter(({ defective }) => defective).length, size())
  const parts = recipe(options, dataset.sampleShape, steps.decaySteps)
  if (options.debugVerbosity > 0) say(String(parts.model.summary()))
  const run =
    resumed?.run ?? createRun(options.resultsDir, options.runName ?? freshName(options.resultsDir, nameOf(options)))
  const from = resumed ? await goOn(resumed, parts, dataset) : 0
  writeAtomically(join(run.path, 'config.json'), `${JSON.stringify(configOf(request, options), null, 2)}\n`)
  const log = new MetricsLog(join(run.path, 'metrics.jsonl'), options.logDir)
  log.write({
    type: 'start',
    step: from,
    totalSteps: steps.totalSteps,
    trainingImages: steps.images,
    imageShape: dataset.sampleShape,
    parameters: parts.model.variables.reduce((sum, variable) => sum + variable.size, 0),
    backend: `${backend.name}: ${backend.description}`,
    version,
    node: process.version,
    time: now(),
  })
  const events = resumed ? new EventWriter(run.path, from + 1) : new EventWriter(run.path)
  const what = `${steps.images} images, ${steps.totalSteps} steps of ${steps.globalBatch} · backend ${backend.name} (${backend.description})`
  if (from >= steps.totalSteps)
    say(
      `run ${run.path} is at step ${from} of ${steps.totalSteps}: nothing is left to train; raise --num-iter to go on`,
    )
  else say(`${resumed ? `going on with ${run.path} at step ${from}` : `run ${run.path}`} · ${what}`)
  const progress = showProgress({
    total: steps.totalSteps,
    from,
    every: options.displayEvery,
    batch: steps.globalBatch,
  })
  const interrupt = listenForInterrupt(() => progress.say('finishing the step and saving; once more ends at once'))
  const speed = new SpeedMeter(from, steps.globalBatch, options.warmupStep)
  try {
    const step = await trainingLoop(
      { options, plan: steps, recipe: parts, dataset, run, log, events, progress, interrupt, speed },
      from,
    )
    if (step > from) writeAtomically(join(run.path, 'performances_train.json'), JSON.stringify(speed.performances()))
    const { signal } = interrupt
    return { options, run, recipe: parts, step, signal: step < steps.totalSteps ? signal : undefined }
  } finally {
    progress.stop()
    interrupt.dispose()
    events.close()
    log.close()
    dataset.dispose()
  }
}

/** The options to train with: those of the command line, over those of the run that goes on. */
function resolve({ command: name, options, given }: Request): { options: Options; resumed?: Located } {
  const { resume, resultsDir } = options
  if (resume === false) return { options }
  const resumed = locate(resultsDir, resume === true ? 'latest' : resume)
  const saved = readConfigFile(join(resumed.run.path, 'config.json'))
  return { options: schema.parse({ ...command(name).defaults, ...saved, ...given }), resumed }
}

/** Puts a checkpoint's state into everything, and forgets what came after it. @returns its step */
async function goOn({ run, checkpoint }: Located, { model, optimizer }: Recipe, dataset: Dataset): Promise<number> {
  removeDrafts(run.checkpoints)
  const { step, dataset: state } = await restoreCheckpoint(checkpoint, model, optimizer)
  dataset.restore(state)
  for (const later of listCheckpoints(run.checkpoints).filter((other) => stepOf(other) > step)) removeCheckpoint(later)
  cutMetrics(join(run.path, 'metrics.jsonl'), step)
  nameLatest(join(run.path, '..'), run.name)
  return step
}

/** What config.json keeps: the options that belong to training, without those that are about this one call. */
const configOf = ({ command: name }: Request, options: Options): Partial<Options> =>
  Object.fromEntries(
    optionNames
      .filter((option) => takes(name, option) && !['execMode', 'config', 'resume', 'runName'].includes(option))
      .map((option) => [option, options[option]]),
  )

const nameOf = ({ datasetName, classId }: Options) =>
  datasetName === 'synthetic' ? `synthetic${classId}` : `class${classId}`

/** What an option does not do in this version, a line each. */
export function* notes({ amp, xla, dataFormat }: Options): Generator<string> {
  if (amp) yield '--amp: this version computes in float32; the loss scale is applied'
  if (xla) yield '--xla: this version runs eagerly; nothing is compiled'
  if (dataFormat === 'NCHW') yield "--data-format NCHW: the reference's layout; it changes nothing here"
}
