import type * as tf from '@tensorflow/tfjs-core'

/** tfjs's type of that name, which it doesn't export. */
export interface NamedTensor {
  name: string
  tensor: tf.Tensor
}

/** Gradients by variable name, or a list with names; one that is null or missing leaves its variable alone. */
export type Gradients = tf.NamedTensorMap | NamedTensor[]

/** A number, or a schedule such as those of `@unet-industrial/rmsprop-centered`. */
export type LearningRate = number | { at(step: number): number; apply(step: tf.Scalar): tf.Scalar }

/** An optimizer that can decide in the graph whether a step happens. */
export interface ConditionalOptimizer extends tf.Optimizer {
  /**
   * Applies the gradients where `condition` is true; else leaves variables, slots and step counter as they are, to the bit.
   * @param condition bool scalar
   */
  applyGradientsIf(condition: tf.Scalar, gradients: tf.NamedTensorMap): void
}
