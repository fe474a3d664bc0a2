import * as tf from '@tensorflow/tfjs-core'
import { checkLabel } from './check-label'
import { fromLogits } from './from-logits'

const FLOAT32_MAX = 2 ** 128 - 2 ** 104

/**
 * Binary cross-entropy from logits, the mean over all n pixels: max(x, 0) − x·y + log(1 + e^−|x|), as
 * `tf.nn.sigmoid_cross_entropy_with_logits` of TensorFlow. Its gradient is (sigmoid(x) − y) / n.
 *
 * The gradient is finite for every logit but NaN. An infinite logit counts as the largest float32, so it costs nothing
 * where it agrees with the label.
 *
 * @param label any shape, in [0, 1]
 * @param logits the label's shape
 */
export function sigmoidCrossEntropy(label: tf.Tensor, logits: tf.Tensor): tf.Scalar {
  return tf.tidy(() => crossEntropyOf(checkLabel(label, logits, 'logits'), logits, tf.sigmoid(logits)))
}

/** {@link sigmoidCrossEntropy} where p = sigmoid(x) is known already; only the gradient reads it. */
export function crossEntropyOf(y: tf.Tensor, x: tf.Tensor, p: tf.Tensor): tf.Scalar {
  return fromLogits(x, (save) => {
    save([y, p])
    return {
      value: tf.mean(crossEntropy(y, tf.clipByValue(x, -FLOAT32_MAX, FLOAT32_MAX))), // ∞ − ∞·1 would be NaN
      gradient: (dy, [y, p]) => tf.mul(tf.sub(p!, y!), tf.div(dy, x.size)),
    }
  })
}

const crossEntropy = (y: tf.Tensor, x: tf.Tensor) =>
  tf.add(
    tf.tidy(() => tf.sub(tf.relu(x), tf.mul(x, y))),
    tf.tidy(() => tf.log1p(tf.exp(tf.neg(tf.abs(x))))),
  )
