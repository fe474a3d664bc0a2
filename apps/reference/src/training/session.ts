import { join } from 'node:path'
import type { Dataset } from '@unet-industrial/dagm-dataset'
import { broadcastOptimizerState, broadcastVariables, rank, size, transportName } from '@unet-industrial/horovod-lite'
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
import { lockRun } from './lock'
import { type Records, trainingLoop } from './loop'
import { cutMetrics, MetricsLog, now } from './metrics-log'
import { plan } from './plan'
import { showProgress, silentProgress } from './progress'
import { type Recipe, recipe } from './recipe'
import { createRun, freshName, type Located, locate, nameLatest, type RunFolder } from './run-folder'
import { SpeedMeter } from './speed'
import { batchOf, fromWriter, isWriter, threadsOf } from './world'

/** How a training ended. */
export interface Trained {
  options: Options
  run: RunFolder
  recipe: Recipe
  step: number
  /** The signal that ended it early. */
  signal: NodeJS.Signals | undefined
}

/** Trains as a command line asks: a new run, or one that goes on. Every rank of the world calls it. */
export async function runTraining(request: Request): Promise<Trained> {
  const { options: asked, resumed } = fromWriter(() => resolve(request))
  const options = { ...asked, batchSize: batchOf(asked) }
  for (const note of notes(options)) say(note)
  const backend = await selectBackend(options.backend, 'training', threadsOf(options))
  const samples = await openSamples(options, 'train', say)
  const dataset = await trainingSet(options, samples, { rank: rank(), size: size() }, say)
  const steps = plan(options, samples.filter(({ defective }) => defective).length, size())
  const parts = recipe(options, dataset.sampleShape, steps.decaySteps)
  if (options.debugVerbosity > 0) say(String(parts.model.summary()))
  const resumedLock = isWriter() && resumed ? lockRun(resumed.run) : undefined
  const start = await begin(resumed, parts, dataset)
  const run = fromWriter(() => resumed?.run ?? newRun(options))
  const lock = resumedLock ?? (isWriter() ? lockRun(run) : undefined)
  const records = isWriter() ? openRecords(run, request, asked, start.step) : undefined
  records?.log.write({
    type: 'start',
    step: start.step,
    totalSteps: steps.totalSteps,
    trainingImages: steps.images,
    imageShape: dataset.sampleShape,
    parameters: parts.model.variables.reduce((sum, variable) => sum + variable.size, 0),
    backend: `${backend.name}: ${backend.description}`,
    ...(size() > 1 && { ranks: size(), transport: transportName() }),
    version,
    node: process.version,
    time: now(),
  })
  const from = start.step
  const ranks = size() > 1 ? ` on ${size()} processes (${transportName()})` : ''
  const what = `${steps.images} images, ${steps.totalSteps} steps of ${steps.globalBatch}${ranks} · backend ${backend.name} (${backend.description})`
  if (from >= steps.totalSteps)
    say(
      `run ${run.path} is at step ${from} of ${steps.totalSteps}: nothing is left to train; raise --num-iter to go on`,
    )
  else say(`${resumed ? `going on with ${run.path} at step ${from}` : `run ${run.path}`} · ${what}`)
  const bar = { total: steps.totalSteps, from, every: options.displayEvery, batch: steps.globalBatch }
  const progress = isWriter() ? showProgress(bar) : silentProgress
  const interrupt = listenForInterrupt(() => progress.say('finishing the step and saving; once more ends at once'))
  const speed = new SpeedMeter(from, steps.globalBatch, options.warmupStep)
  const images = (step: number) => start.images + (step - from) * steps.globalBatch
  try {
    const { step, signal } = await trainingLoop(
      { options, plan: steps, recipe: parts, dataset, records, progress, interrupt, speed, images },
      from,
    )
    if (step > from && records)
      writeAtomically(join(run.path, 'performances_train.json'), JSON.stringify(speed.performances()))
    return { options, run, recipe: parts, step, signal }
  } finally {
    progress.stop()
    interrupt.dispose()
    records?.events.close()
    records?.log.close()
    dataset.dispose()
    lock?.release()
  }
}

const newRun = (options: Options): RunFolder =>
  createRun(options.resultsDir, options.runName ?? freshName(options.resultsDir, nameOf(options)))

/** Opens what rank 0 writes. */
function openRecords(run: RunFolder, request: Request, options: Options, from: number): Records {
  writeAtomically(join(run.path, 'config.json'), `${JSON.stringify(configOf(request, options), null, 2)}\n`)
  return {
    run,
    log: new MetricsLog(join(run.path, 'metrics.jsonl'), options.logDir),
    events: from > 0 ? new EventWriter(run.path, from + 1) : new EventWriter(run.path),
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

/** Where a training begins: steps done, and images that all ranks together have taken. */
interface Beginning {
  step: number
  images: number
}

/**
 * Gives every rank the same beginning: rank 0's new weights, or those of its checkpoint, and the data set's place.
 *
 * A world of another size than the checkpoint's goes on where as many images were taken: each rank has drawn its equal part.
 */
async function begin(resumed: Located | undefined, { model, optimizer }: Recipe, dataset: Dataset): Promise<Beginning> {
  const saved = isWriter() && resumed ? await goOn(resumed, { model, optimizer }) : undefined
  if (size() > 1) {
    broadcastVariables(model.variables)
    await broadcastOptimizerState(optimizer)
  }
  const { step, images, ranks, state } = fromWriter(() => ({
    step: saved?.step ?? 0,
    images: saved?.images ?? 0,
    ranks: saved?.ranks ?? size(),
    state: saved?.dataset,
  }))
  if (state && size() === 1 && ranks === 1) dataset.restore(state)
  else if (state) dataset.restore({ ...dataset.state(), ...placeAfter(images / size(), dataset.size) })
  return { step, images }
}

/** Where a data set of `size` samples is when so many have been taken. */
const placeAfter = (taken: number, size: number) => ({
  epoch: Math.floor(Math.round(taken) / size),
  position: Math.round(taken) % size,
})

/** Puts a checkpoint's state into model and optimizer, and forgets what came after it. */
async function goOn({ run, checkpoint }: Located, { model, optimizer }: Pick<Recipe, 'model' | 'optimizer'>) {
  removeDrafts(run.checkpoints)
  const state = await restoreCheckpoint(checkpoint, model, optimizer)
  const { step } = state
  for (const later of listCheckpoints(run.checkpoints).filter((other) => stepOf(other) > step)) removeCheckpoint(later)
  cutMetrics(join(run.path, 'metrics.jsonl'), step)
  nameLatest(join(run.path, '..'), run.name)
  return state
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
