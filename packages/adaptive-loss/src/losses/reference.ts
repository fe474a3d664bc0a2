// The losses as they are defined, in plain ops differentiated by tfjs's tape. They are the specification of the ones
// with gradients of their own, which are tested against them; nothing else uses them.
import * as tf from '@tensorflow/tfjs-core'
import type { AdaptiveLossOptions } from './adaptive'
import { type DiceOptions, diceCoefficient } from './dice'

export const diceLossReference = (label: tf.Tensor, logits: tf.Tensor, options?: DiceOptions): tf.Scalar =>
  tf.tidy(() => tf.sub(1, diceCoefficient(label, tf.sigmoid(logits), options)))

export const sigmoidCrossEntropyReference = (label: tf.Tensor, logits: tf.Tensor): tf.Scalar =>
  tf.tidy(() => {
    const hinge = tf.sub(tf.relu(logits), tf.mul(logits, label))
    return tf.mean(tf.add(hinge, tf.log1p(tf.exp(tf.neg(tf.abs(logits))))))
  })

/** Reads the dice loss back to choose, so that the other branch does not exist at all. */
export const adaptiveLossReference = (
  label: tf.Tensor,
  logits: tf.Tensor,
  { threshold, below, above }: Required<AdaptiveLossOptions>,
): tf.Scalar =>
  tf.tidy(() => {
    const isBelow = diceLossReference(label, logits).dataSync()[0]! < Math.fround(threshold)
    const loss = { dice: diceLossReference, bce: sigmoidCrossEntropyReference }[isBelow ? below : above]
    return loss(label, logits)
  })

export const weightDecayReference = (variables: tf.Tensor[], factor: number): tf.Scalar =>
  tf.tidy(
    () => tf.mul(factor, tf.addN(variables.map((variable) => tf.div(tf.sum(tf.square(variable)), 2)))) as tf.Scalar,
  )
