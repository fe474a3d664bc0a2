import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Batch, Dataset } from '@unet-industrial/dagm-dataset'
import type { Options } from '../options/schema'
import type { EventWriter } from '../report/tensorboard'
import { saveCheckpoint } from './checkpoint'
import type { Interrupt } from './interrupt'
import { type MetricsLog, now, type TrainLine } from './metrics-log'
import type { Plan } from './plan'
import type { Progress } from './progress'
import { Readings } from './readings'
import { type Recipe, trainingStep } from './recipe'
import type { RunFolder } from './run-folder'
import { picturesOf, seeFirst, writePictures } from './sample-pictures'
import type { SpeedMeter } from './speed'

/** Steps between lines of metrics.jsonl and TensorBoard's summaries, as in the reference. */
const summaryEvery = 10
/** A number on the screen is not older than this, in milliseconds (or a step). */
const freshness = 1000

/** What a training works with. */
export interface Training {
  options: Options
  plan: Plan
  recipe: Recipe
  dataset: Dataset
  run: RunFolder
  log: MetricsLog
  events: EventWriter
  progress: Progress
  interrupt: Interrupt
  speed: SpeedMeter
}

/**
 * Trains from step `from` to the plan's end, or until it is interrupted; the step is finished and saved then.
 *
 * @returns steps done in all
 * @throws where the loss is not finite, naming the step
 */
export async function trainingLoop(training: Training, from: number): Promise<number> {
  const { options, plan, recipe, dataset, run, progress, interrupt, speed } = training
  const { displayEvery, checkpointEvery, sampleEvery } = options
  const readings = new Readings()
  let step = from
  let readAt = 0
  if (step >= plan.totalSteps) return step
  try {
    for await (const batch of dataset) {
      readings.add(++step, trainingStep(recipe, batch.image, batch.mask))
      progress.step(step)
      await nextTurn() // lets signals in
      const last = step === plan.totalSteps || interrupt.signal !== undefined
      const due = (every: number) => last || step % every === 0
      const summarise = due(summaryEvery)
      if (summarise || due(displayEvery) || due(checkpointEvery) || Date.now() - readAt > freshness) {
        const line = await readLine(training, readings, step)
        readAt = Date.now()
        progress.numbers(line)
        if (summarise) record(training, line)
      }
      if (due(sampleEvery)) await sample(training, step, batch)
      batch.dispose()
      if (due(checkpointEvery))
        await saveCheckpoint(run.checkpoints, recipe.model, recipe.optimizer, { step, dataset: dataset.state() })
      if (last) break
      if (due(sampleEvery) || due(checkpointEvery)) speed.pause()
    }
  } finally {
    readings.dispose()
    training.events.flush()
  }
  return step
}

async function readLine(training: Training, readings: Readings, step: number): Promise<TrainLine> {
  const { recipe, plan, speed } = training
  const { updates, ...numbers } = await readings.read(recipe.optimizer.lossScale, recipe.rmsprop.step)
  return {
    type: 'train',
    step,
    epoch: (step * plan.globalBatch) / plan.images,
    ...numbers,
    learningRate: recipe.schedule.at(Math.max(0, updates - 1)),
    imagesPerSecond: speed.at(step),
    time: now(),
  }
}

function record({ log, events }: Training, line: TrainLine): void {
  log.write(line)
  const { step, loss, weightDecay, dice, learningRate, lossScale, imagesPerSecond } = line
  const scalars = { loss, weight_decay: weightDecay, dice, learning_rate: learningRate, loss_scale: lossScale }
  for (const [tag, value] of Object.entries({ ...scalars, images_per_second: imagesPerSecond }))
    events.scalar(`train/${tag}`, value, step)
}

async function sample({ recipe, run, events, options }: Training, step: number, { image, mask }: Batch): Promise<void> {
  const pictures = picturesOf(await seeFirst(recipe.model, image, mask), options.normalization)
  writePictures(run.samples, `step-${String(step).padStart(8, '0')}`, pictures)
  for (const { name, png, width, height } of pictures) events.image(`sample/${name}`, png, width, height, step)
}
