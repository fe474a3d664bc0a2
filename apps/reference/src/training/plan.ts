import { kebab } from '../options/names'
import type { Options } from '../options/schema'

/** How long a training is, in steps. */
export interface Plan {
  totalSteps: number
  /** Length of a stair of the learning rate; may be a fraction. */
  decaySteps: number
  /** Images that all ranks take together in a step. */
  globalBatch: number
  /** Images of an epoch, all ranks together. */
  images: number
}

/**
 * Turns the options' epochs into steps. Batches run across epochs, so n epochs are floor(n · images / batch) steps, and
 * the learning rate's stairs need not end with a step.
 *
 * @param images of the training set, all ranks together
 */
export function plan(options: Options, images: number, ranks = 1): Plan {
  const { iterUnit, numIter, learningRateDecaySteps, batchSize } = options
  const globalBatch = batchSize * ranks
  const stepsPerUnit = iterUnit === 'epoch' ? images / globalBatch : 1
  const totalSteps = Math.floor(numIter * stepsPerUnit)
  if (totalSteps < 1)
    throw new Error(
      `--${kebab('numIter')} ${numIter}: ${numIter} epoch(s) of ${images} images fill no batch of ${globalBatch}; raise it, or lower --${kebab('batchSize')}`,
    )
  return { totalSteps, decaySteps: learningRateDecaySteps * stepsPerUnit, globalBatch, images }
}
