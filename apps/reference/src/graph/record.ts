import * as tf from '@tensorflow/tfjs-core'
import { type Graph, trace } from '@unet-industrial/graph-compiler'
import type { Options } from '../options/schema'
import { modelOf, recipe, trainingStep } from '../training/recipe'

export type Mode = 'training' | 'inference'

/** A step as the compiler gets it. */
export interface Recorded {
  graph: Graph
  /** Names of its outputs. */
  outputs: readonly string[]
}

/** Records a whole training step, or a prediction, on images [batchSize, imageSize, imageSize, 1]. Nothing is computed. */
export function recordStep(options: Options, mode: Mode): Recorded {
  const { imageSize = 512, batchSize } = options
  const image = { shape: [batchSize, imageSize, imageSize, 1] }
  if (mode === 'inference') {
    const model = modelOf(options, [imageSize, imageSize])
    const recorded = trace((image) => model.predict(image as tf.Tensor4D), [image])
    model.dispose()
    return recorded
  }
  const parts = recipe(options, [imageSize, imageSize], { decaySteps: options.learningRateDecaySteps })
  // The optimizer makes its slots in the first step, so that is a small one that is really made.
  const small = tf.zeros<tf.Rank.R4>([1, 16, 16, 1])
  tf.dispose(trainingStep(parts, small, small))
  small.dispose()
  const recorded = trace(
    (image, mask) => trainingStep(parts, image as tf.Tensor4D, mask as tf.Tensor4D),
    [image, image],
  )
  parts.optimizer.dispose()
  parts.model.dispose()
  return recorded
}
