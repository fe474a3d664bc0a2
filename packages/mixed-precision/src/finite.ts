import * as tf from '@tensorflow/tfjs-core'

/**
 * Whether all values are finite: bool scalar, decided in the graph. One multiplication and one sum a tensor: x · 0 is 0
 * for a finite x and NaN for ±Infinity and NaN, and NaN stays NaN in a sum, which a maximum does not promise.
 */
export function allFinite(tensors: tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    if (tensors.length === 0) return tf.scalar(true, 'bool')
    return tf.equal<tf.Scalar>(tf.addN(tensors.map((tensor) => tf.sum(tf.mul(tensor, 0)))), 0)
  })
}
