import { kebab } from '../options/names'
import type { Options } from '../options/schema'

/** How long a training is, in steps. */
export interface Plan {
  /** Those done before included. */
  totalSteps: number
  /** Length of a stair of the learning rate; may be a fraction. */
  decaySteps: number
  /** Steps that the stairs are ahead of the steps done; may be a fraction. 0 unless a run goes on with another global batch. */
  decayAhead: number
  /** Images that all ranks take together in a step. */
  globalBatch: number
  /** Images of an epoch, all ranks together. */
  images: number
}

/**
 * Turns the options' epochs into steps. Batches run across epochs, so n epochs are floor(n · images / batch) steps, and
 * the learning rate's stairs need not end with a step.
 *
 * A run may go on with another global batch: its epochs count on from the images that it has taken.
 *
 * @param images of the training set, all ranks together
 * @param done steps, and images that all ranks together have taken, before
 */
export function plan(options: Options, images: number, ranks = 1, done = { step: 0, images: 0 }): Plan {
  const { iterUnit, numIter, learningRateDecaySteps, batchSize } = options
  const globalBatch = batchSize * ranks
  const byEpoch = iterUnit === 'epoch'
  const stepsPerUnit = byEpoch ? images / globalBatch : 1
  const decayAhead = byEpoch ? done.images / globalBatch - done.step : 0
  const left = Math.max(0, Math.floor((numIter * images - done.images) / globalBatch))
  const totalSteps = byEpoch ? done.step + left : numIter
  if (totalSteps < 1)
    throw new Error(
      `--${kebab('numIter')} ${numIter}: ${numIter} epoch(s) of ${images} images fill no batch of ${globalBatch}; raise it, or lower --${kebab('batchSize')}`,
    )
  return { totalSteps, decaySteps: learningRateDecaySteps * stepsPerUnit, decayAhead, globalBatch, images }
}
