import * as tf from '@tensorflow/tfjs-core'
import { checkLabel } from './check-label'
import { crossEntropyOf } from './cross-entropy'
import { diceLossOf } from './dice'
import type { LossFunction } from './types'

export type Branch = 'dice' | 'bce'

export interface AdaptiveLossOptions {
  /** A dice loss in [0, 1]; the comparison is `diceLoss < threshold`, in float32. Default 0.3. */
  threshold?: number
  /** The loss where the dice loss lies below the threshold. Default `dice`: the reference's code. */
  below?: Branch
  /** The loss where it does not. Default `bce`. */
  above?: Branch
}

/** Scalars of one forward pass. Each can be differentiated. */
export type AdaptiveLossDetails = {
  /** The loss of the chosen branch. */
  loss: tf.Scalar
  /** Sørensen dice loss of the batch, smoothing 1. */
  diceLoss: tf.Scalar
  /** Mean binary cross-entropy. */
  bce: tf.Scalar
  /** bool: whether `loss` is the dice loss. */
  useDice: tf.Scalar
}

export interface AdaptiveLoss extends LossFunction {
  /** The loss and what it was chosen from, for a log, at no more cost than the loss. The caller disposes of all four. */
  details(label: tf.Tensor4D, logits: tf.Tensor4D): AdaptiveLossDetails
}

/**
 * Dice loss or cross-entropy, whichever the batch's own dice loss asks for (the adaptive loss of NVIDIA's UNet
 * Industrial). The choice is made in the graph, by a select between the two scalars: nothing is read back, and the
 * branch that is not chosen has a gradient of exactly zero.
 *
 * `below: 'dice', above: 'bce'` is what the reference's code does, and learns; `below: 'bce', above: 'dice'` is what
 * its model card says, and may collapse for good to an empty prediction (measured in the README).
 */
export function adaptiveLoss({
  threshold = 0.3,
  below = 'dice',
  above = 'bce',
}: AdaptiveLossOptions = {}): AdaptiveLoss {
  checkOptions(threshold, below, above)

  const details = (label: tf.Tensor4D, logits: tf.Tensor4D): AdaptiveLossDetails =>
    tf.tidy(() => {
      const y = checkLabel(label, logits, 'logits')
      const p = tf.sigmoid(logits)
      const diceLoss = diceLossOf(y, logits, p, { form: 'sorensen', smooth: 1 })
      const bce = crossEntropyOf(y, logits, p)
      const isBelow: tf.Scalar = tf.less(diceLoss, tf.scalar(threshold))
      const useDice: tf.Scalar = below === 'dice' ? isBelow : tf.logicalNot(isBelow)
      return { loss: select(useDice, diceLoss, bce), diceLoss, bce, useDice }
    })

  const loss: LossFunction = (label, logits) => tf.tidy(() => details(label, logits).loss)
  return Object.assign(loss, { details })
}

/**
 * `tf.where` of scalars whose condition depends on them. tfjs would differentiate the condition too, and has no
 * gradient for `less`; and it would multiply by 0 for the branch not taken, which keeps NaN.
 */
function select(condition: tf.Scalar, yes: tf.Scalar, no: tf.Scalar): tf.Scalar {
  return tf.customGrad<tf.Scalar>((yes, no, save) => {
    ;(save as tf.GradSaveFunc)([condition])
    return {
      value: tf.where(condition, yes as tf.Scalar, no as tf.Scalar),
      gradFunc: (dy: tf.Scalar, [condition]: tf.Tensor[]) => {
        const zero = tf.scalar(0)
        return [tf.where(condition!, dy, zero), tf.where(condition!, zero, dy)]
      },
    }
  })(yes, no)
}

function checkOptions(threshold: number, below: Branch, above: Branch) {
  if (!(threshold >= 0 && threshold <= 1))
    throw new Error(`threshold is ${threshold}; expected a dice loss, which lies in [0, 1]`)
  const branches = [below, above].sort().join()
  if (branches !== 'bce,dice')
    throw new Error(
      `below is '${below}' and above '${above}'; expected one to be 'dice' and the other 'bce' (for one loss alone use diceLoss or sigmoidCrossEntropy)`,
    )
}
