import * as tf from '@tensorflow/tfjs-core'

/**
 * Scales gradients down so that their global norm, √Σg² over all of them, is at most `maxNorm`; in the graph. For the
 * `clip` option of LossScaleOptimizer, or between `computeGradients` and `applyGradients` (tf.clip_by_global_norm).
 * @param maxNorm above 0
 */
export function clipByGlobalNorm(maxNorm: number): (gradients: tf.NamedTensorMap) => tf.NamedTensorMap {
  if (!(maxNorm > 0)) throw new Error(`maxNorm: got ${maxNorm}, expected a number above 0`)
  return (gradients) =>
    tf.tidy(() => {
      const present = Object.entries(gradients).filter(([, gradient]) => gradient != null)
      if (present.length === 0) return gradients
      const norm = tf.sqrt(tf.addN(present.map(([, gradient]) => tf.sum(tf.square(gradient)))))
      const factor = tf.div(maxNorm, tf.maximum(norm, maxNorm)) // exactly 1 below the limit
      return {
        ...gradients,
        ...Object.fromEntries(present.map(([name, gradient]) => [name, tf.mul(gradient, factor)])),
      }
    })
}
