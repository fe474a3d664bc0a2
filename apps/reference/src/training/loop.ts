import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Batch, Dataset } from '@unet-industrial/dagm-dataset'
import { size } from '@unet-industrial/horovod-lite'
import type { Options } from '../options/schema'
import type { EventWriter } from '../report/tensorboard'
import { saveCheckpoint } from './checkpoint'
import type { DataIdentity } from './checkpoint-files'
import type { Interrupt } from './interrupt'
import { type MetricsLog, now, type TrainLine } from './metrics-log'
import type { Plan } from './plan'
import type { Progress } from './progress'
import { meanOf, Readings } from './readings'
import { type Recipe, trainingStep } from './recipe'
import type { RunFolder } from './run-folder'
import { picturesOf, seeFirst, writePictures } from './sample-pictures'
import type { SpeedMeter } from './speed'
import { agree, ofAllRanks } from './world'

/** Steps between lines of metrics.jsonl and TensorBoard's summaries, as in the reference. */
const summaryEvery = 10
/** A number on the screen is not older than this, in milliseconds (or a step). */
const freshness = 1000

/** Where a training leaves its traces. */
export interface Records {
  run: RunFolder
  log: MetricsLog
  events: EventWriter
}

/** What a training works with. */
export interface Training {
  options: Options
  plan: Plan
  recipe: Recipe
  dataset: Dataset
  data: DataIdentity
  /** What is written; rank 0 alone has it. */
  records?: Records
  progress: Progress
  interrupt: Interrupt
  speed: SpeedMeter
  /** Images that all ranks have taken since the run began, after a step. */
  images(step: number): number
}

/** How far a training came. */
export interface Progressed {
  step: number
  /** What ended it early. */
  signal: NodeJS.Signals | undefined
}

/**
 * Trains from step `from` to the plan's end, or until it is interrupted; the step is finished and saved then.
 *
 * @returns steps done in all, and the signal that any rank got
 * @throws where the loss is not finite, naming the step
 */
export async function trainingLoop(training: Training, from: number): Promise<Progressed> {
  const { options, plan, recipe, dataset, records, progress, interrupt, speed } = training
  const { displayEvery, checkpointEvery, sampleEvery } = options
  const readings = new Readings()
  let step = from
  let readAt = 0
  let signal: NodeJS.Signals | undefined
  if (step >= plan.totalSteps) return { step, signal }
  try {
    for await (const batch of dataset) {
      readings.add(++step, trainingStep(recipe, batch.image, batch.mask))
      progress.step(step)
      await nextTurn() // lets signals in
      const wish = agree({ signal: interrupt.signal, read: Date.now() - readAt > freshness })
      signal = step < plan.totalSteps ? wish.signal : undefined
      const last = step === plan.totalSteps || signal !== undefined
      const due = (every: number) => last || step % every === 0
      const summarise = due(summaryEvery)
      if (summarise || due(displayEvery) || due(checkpointEvery) || wish.read) {
        const line = await readLine(training, readings, step)
        readAt = Date.now()
        progress.numbers(line)
        if (summarise && records) record(records, line)
      }
      if (due(sampleEvery) && records) await sample(training, records, step, batch)
      batch.dispose()
      if (due(checkpointEvery) && records)
        await saveCheckpoint(records.run.checkpoints, recipe.model, recipe.optimizer, {
          step,
          images: training.images(step),
          ranks: size(),
          dataset: dataset.state(),
          data: training.data,
        })
      if (last) break
      if (due(sampleEvery) || due(checkpointEvery)) speed.pause()
    }
  } finally {
    readings.dispose()
    records?.events.flush()
  }
  return { step, signal }
}

async function readLine(training: Training, readings: Readings, step: number): Promise<TrainLine> {
  const { recipe, plan, speed } = training
  const reading = await readings.read(recipe.optimizer.lossScale, recipe.rmsprop.step)
  const { updates, bad, ...numbers } = meanOf(ofAllRanks(reading))
  return {
    type: 'train',
    step,
    epoch: training.images(step) / plan.images,
    ...numbers,
    learningRate: recipe.schedule.at(Math.max(0, updates - 1)),
    imagesPerSecond: speed.at(step),
    time: now(),
  }
}

function record({ log, events }: Records, line: TrainLine): void {
  log.write(line)
  const { step, loss, weightDecay, dice, learningRate, lossScale, imagesPerSecond } = line
  const scalars = { loss, weight_decay: weightDecay, dice, learning_rate: learningRate, loss_scale: lossScale }
  for (const [tag, value] of Object.entries({ ...scalars, images_per_second: imagesPerSecond }))
    events.scalar(`train/${tag}`, value, step)
}

async function sample(
  { recipe, options }: Training,
  { run, events }: Records,
  step: number,
  { image, mask }: Batch,
): Promise<void> {
  const pictures = picturesOf(await seeFirst(recipe.model, image, mask), options.normalization)
  writePictures(run.samples, `step-${String(step).padStart(8, '0')}`, pictures)
  for (const { name, png, width, height } of pictures) events.image(`sample/${name}`, png, width, height, step)
}
