import * as tf from '@tensorflow/tfjs-core'
import { checkLabel } from './check-label'
import { fromLogits } from './from-logits'

/** What the denominator sums: `sorensen` p and y, `jaccard` (the reference's name for it) p² and y². */
export type DiceForm = 'sorensen' | 'jaccard'

export interface DiceOptions {
  /** Default `sorensen`. */
  form?: DiceForm
  /** Laplace smoothing, added above and below: an empty label with an empty prediction scores 1. Default 1. */
  smooth?: number
}

/**
 * The dice coefficient of a whole batch, not image by image, in [0, 1]:
 * (2·Σ y·p + smooth) / (Σ p + Σ y + smooth), or with Σ p² + Σ y² below the line for `jaccard`.
 *
 * @param label any shape, in [0, 1]
 * @param prediction the label's shape, probabilities in [0, 1] (not logits)
 */
export function diceCoefficient(label: tf.Tensor, prediction: tf.Tensor, options: DiceOptions = {}): tf.Scalar {
  const checked = checkOptions(options)
  return tf.tidy(() => dice(checkLabel(label, prediction, 'prediction'), prediction, checked).coefficient)
}

/**
 * 1 − {@link diceCoefficient} of the sigmoid, from logits.
 *
 * @param label any shape, in [0, 1]
 * @param logits the label's shape
 */
export function diceLoss(label: tf.Tensor, logits: tf.Tensor, options: DiceOptions = {}): tf.Scalar {
  const checked = checkOptions(options)
  return tf.tidy(() => diceLossOf(checkLabel(label, logits, 'logits'), logits, tf.sigmoid(logits), checked))
}

/** {@link diceLoss} where p = sigmoid(x) is known already. The gradient with respect to x is written out. */
export function diceLossOf(y: tf.Tensor, x: tf.Tensor, p: tf.Tensor, options: Required<DiceOptions>): tf.Scalar {
  return fromLogits(x, (save) => {
    const { coefficient, denominator } = dice(y, p, options)
    save([y, p, coefficient, denominator])
    return {
      value: tf.sub(1, coefficient),
      gradient: (dy, [y, p, coefficient, denominator]) => {
        const dp = slope(y!, p!, coefficient as tf.Scalar, tf.div(dy, denominator!), options.form)
        return tf.mul(dp, tf.mul(p!, tf.sub(1, p!))) // dp/dx = p·(1 − p)
      },
    }
  })
}

function dice(y: tf.Tensor, p: tf.Tensor, { form, smooth }: Required<DiceOptions>) {
  const overlap: tf.Scalar = tf.sum(tf.mul(y, p))
  const total: tf.Scalar =
    form === 'sorensen' ? tf.add(tf.sum(p), tf.sum(y)) : tf.add(tf.sum(tf.square(p)), tf.sum(tf.square(y)))
  const denominator: tf.Scalar = tf.add(total, smooth)
  const coefficient: tf.Scalar = tf.div(tf.add(tf.mul(overlap, 2), smooth), denominator)
  return { coefficient, denominator }
}

/** −∂dice/∂p · denominator · scale: (dice − 2y) · scale for `sorensen`, (2p·dice − 2y) · scale for `jaccard`. */
function slope(y: tf.Tensor, p: tf.Tensor, dice: tf.Scalar, scale: tf.Scalar, form: DiceForm): tf.Tensor {
  const away: tf.Scalar = tf.mul(dice, scale)
  const towards = tf.mul(y, tf.mul(scale, 2))
  return tf.sub(form === 'sorensen' ? away : tf.mul(p, tf.mul(away, 2)), towards)
}

function checkOptions({ form = 'sorensen', smooth = 1 }: DiceOptions): Required<DiceOptions> {
  if (form !== 'sorensen' && form !== 'jaccard')
    throw new Error(`dice form '${form}' is unknown; expected 'sorensen' or 'jaccard'`)
  if (!(smooth >= 0 && smooth < Infinity))
    throw new Error(`smooth is ${smooth}, expected a finite number of at least 0`)
  return { form, smooth }
}
