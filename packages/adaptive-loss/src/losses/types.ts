import type * as tf from '@tensorflow/tfjs-core'

/**
 * A loss of a batch.
 *
 * @param label [n, h, w, 1] in [0, 1], 1 where the defect is. It is a constant: no gradient flows into it.
 * @param logits [n, h, w, 1], the model's output before the sigmoid. The gradient is with respect to these.
 * @throws when the two shapes differ.
 */
export type LossFunction = (label: tf.Tensor4D, logits: tf.Tensor4D) => tf.Scalar
