import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { barrier, rank, size, transportName } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../backends'
import { writeAtomically } from '../files'
import { optionNames } from '../options/names'
import type { Request } from '../options/parse'
import { takes } from '../options/reference'
import type { Options } from '../options/schema'
import { EventWriter } from '../report/tensorboard'
import { say } from '../say'
import { version } from '../version'
import { identityOf, openSamples, trainingSet } from './data'
import { type Interrupt, listenForInterrupt } from './interrupt'
import { type Lock, lockRun } from './lock'
import { type Records, trainingLoop } from './loop'
import { MetricsLog, now } from './metrics-log'
import { plan } from './plan'
import { showProgress, silentProgress } from './progress'
import { type Recipe, recipe } from './recipe'
import { begin, resolve } from './resume'
import { createFreshRun, createRun, type RunFolder } from './run-folder'
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
  const interrupt = listenForInterrupt() // before a run is locked, which a signal must undo
  let lock: Lock | undefined
  const hold = (run: RunFolder) => {
    lock = lockRun(run)
  }
  try {
    return await trainHolding(hold, interrupt, request)
  } finally {
    await nextTurn() // lets a signal in, by which another rank may have ended
    interrupt.dispose()
    lock?.release()
  }
}

/** @param hold keeps other processes from a run */
async function trainHolding(hold: (run: RunFolder) => void, interrupt: Interrupt, request: Request): Promise<Trained> {
  const { options: asked, resumed } = fromWriter(() => resolve(request, hold))
  const done = resumed?.state ?? { step: 0, images: 0 }
  const options = { ...asked, batchSize: batchOf(asked) }
  for (const note of notes(options)) say(note)
  const backend = await selectBackend(options.backend, 'training', threadsOf(options))
  const samples = await openSamples(options, 'train', say)
  const dataset = await trainingSet(options, samples, { rank: rank(), size: size() }, say)
  const steps = plan(options, samples.filter(({ defective }) => defective).length, size(), done)
  const parts = recipe(options, dataset.sampleShape, steps)
  if (options.debugVerbosity > 0) say(String(parts.model.summary()))
  barrier({ name: 'ready' }) // where another process cannot train, nothing is written
  const run = fromWriter(() => resumed?.run ?? newRun(options, hold))
  const data = identityOf(samples, options)
  await begin(resumed, parts, dataset, data)
  const records = isWriter() ? openRecords(run, request, asked, done.step) : undefined
  records?.log.write({
    type: 'start',
    step: done.step,
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
  const from = done.step
  const ranks = size() > 1 ? ` on ${size()} processes (${transportName()})` : ''
  const what = `${steps.images} images, ${steps.totalSteps} steps of ${steps.globalBatch}${ranks} · backend ${backend.name} (${backend.description})`
  if (from >= steps.totalSteps)
    say(
      `run ${run.path} is at step ${from} of ${steps.totalSteps}: nothing is left to train; raise --num-iter to go on`,
    )
  else say(`${resumed ? `going on with ${run.path} at step ${from}` : `run ${run.path}`} · ${what}`)
  const bar = { total: steps.totalSteps, from, every: options.displayEvery, batch: steps.globalBatch }
  const progress = isWriter() ? showProgress(bar) : silentProgress
  interrupt.grant(() => progress.say('finishing the step and saving; once more ends at once'))
  const speed = new SpeedMeter(from, steps.globalBatch, options.warmupStep)
  const images = (step: number) => done.images + (step - from) * steps.globalBatch
  try {
    const { step, signal } = await trainingLoop(
      { options, plan: steps, recipe: parts, dataset, data, records, progress, interrupt, speed, images },
      from,
    )
    if (step > from && records)
      writeAtomically(join(run.path, 'performances_train.json'), JSON.stringify(speed.performances()))
    return { options, run, recipe: parts, step, signal }
  } finally {
    progress.stop()
    records?.events.close()
    records?.log.close()
    dataset.dispose()
  }
}

function newRun(options: Options, hold: (run: RunFolder) => void): RunFolder {
  const { resultsDir, runName } = options
  const run = runName === undefined ? createFreshRun(resultsDir, nameOf(options)) : createRun(resultsDir, runName)
  hold(run)
  return run
}

/** Opens what rank 0 writes. */
function openRecords(run: RunFolder, request: Request, options: Options, from: number): Records {
  writeAtomically(join(run.path, 'config.json'), `${JSON.stringify(configOf(request, options), null, 2)}\n`)
  return {
    run,
    log: new MetricsLog(join(run.path, 'metrics.jsonl'), options.logDir),
    events: from > 0 ? new EventWriter(run.path, from + 1) : new EventWriter(run.path),
  }
}

/** What config.json keeps: the options that belong to training, without those that are about this one call or say nothing. */
const configOf = ({ command: name }: Request, options: Options): Partial<Options> =>
  Object.fromEntries(
    optionNames
      .filter((option) => takes(name, option) && !['execMode', 'config', 'resume', 'runName'].includes(option))
      .filter((option) => option !== 'batchSize' || options.globalBatchSize === undefined)
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
