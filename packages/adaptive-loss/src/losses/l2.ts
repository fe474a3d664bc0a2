import * as tf from '@tensorflow/tfjs-core'
import { checkLabel } from './check-label'

/**
 * Half of the squared errors of the sigmoid: Σ (p − y)² / 2, as `tf.nn.l2_loss`. A **sum** over the batch, not a mean:
 * it grows with the pictures.
 *
 * @param label any shape, in [0, 1]
 * @param logits the label's shape
 */
export function l2Loss(label: tf.Tensor, logits: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const error = tf.sub(tf.sigmoid(logits), checkLabel(label, logits, 'logits'))
    return tf.div(tf.sum(tf.square(error)), 2)
  })
}

/**
 * factor · Σ v² / 2 over all values of all variables, to be added to the loss in training. The reference counts the
 * biases too.
 *
 * @param variables any shapes; none gives 0
 * @param factor default 1e-5, the reference's
 */
export function weightDecay(variables: readonly tf.Tensor[], factor = 1e-5): tf.Scalar {
  if (variables.length === 0) return tf.scalar(0)
  return tf.customGrad<tf.Scalar>((...inputs) => {
    const save = inputs.pop() as tf.GradSaveFunc
    const values = inputs as tf.Tensor[]
    save(values)
    return {
      value: tf.mul(tf.sum(tf.stack(values.map((value) => tf.sum(tf.square(value))))), factor / 2),
      gradFunc: (dy: tf.Scalar, saved: tf.Tensor[]) => {
        const scale = tf.mul(dy, factor)
        return saved.map((value) => tf.mul(value, scale))
      },
    }
  })(...variables)
}
