import * as tf from '@tensorflow/tfjs-core'

/**
 * A scalar of the logits, computed by `forward`, with a gradient of its own instead of the tape's: fewer passes over
 * the pictures, fewer of them kept until the backward pass, and exact where the composed ops give NaN.
 *
 * `forward` hands to `save` what its `gradient` (dy, saved → the gradient of the logits) gets back.
 */
export function fromLogits(
  logits: tf.Tensor,
  forward: (save: (tensors: tf.Tensor[]) => void) => {
    value: tf.Scalar
    gradient: (dy: tf.Scalar, saved: tf.Tensor[]) => tf.Tensor
  },
): tf.Scalar {
  return tf.customGrad<tf.Scalar>((_logits, save) => {
    const { value, gradient } = forward(save as tf.GradSaveFunc)
    return { value, gradFunc: gradient }
  })(logits)
}
