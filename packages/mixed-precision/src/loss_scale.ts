import * as tf from '@tensorflow/tfjs-core'

/** The same scale in every step. */
export interface FixedLossScale {
  kind: 'fixed'
  /** Above 0. */
  initialScale: number
  /** Skip steps whose gradients are not finite. TensorFlow's fixed scale does not: it applies them. */
  skipNonFinite: boolean
}

/** A scale that grows while gradients are finite and shrinks when they are not. */
export interface DynamicLossScale {
  kind: 'dynamic'
  /** Above 0. */
  initialScale: number
  /** Finite steps in a row after which the scale grows. */
  growthInterval: number
  /** At least 1. A scale that would become infinite stays. */
  growthFactor: number
  /** What a bad step multiplies the scale with; in (0, 1]. */
  backoffFactor: number
  /** Bad steps for one backoff. They add up: good steps between don't clear the count, growth does. */
  badSteps: number
  /** The scale never falls below it; null: no floor. */
  floor: number | null
}

export type LossScale = FixedLossScale | DynamicLossScale
type Options = Partial<Omit<DynamicLossScale, 'kind'>>

/**
 * The same scale in every step.
 * @param scale above 0; powers of two lose no bits
 */
export const fixedLossScale = (scale: number, { skipNonFinite = true } = {}): FixedLossScale =>
  checked({ kind: 'fixed', initialScale: scale, skipNonFinite })

const preset =
  (defaults: Omit<DynamicLossScale, 'kind' | 'growthFactor'>) =>
  (options: Options = {}) =>
    checked<DynamicLossScale>({ kind: 'dynamic', growthFactor: 2, ...defaults, ...options })

/** Dynamic loss scales as four frameworks have them; each number may be replaced. */
export const dynamicLossScale = {
  /** tf.mixed_precision.DynamicLossScale: 2^15, × 2 after 2000 good steps, ÷ 2 at a bad one, not below 1. */
  tensorflow: preset({ initialScale: 2 ** 15, growthInterval: 2000, backoffFactor: 0.5, badSteps: 1, floor: 1 }),
  /** TensorFlow 1's contrib ExponentialUpdateLossScaleManager: 2^32, × 2 after 1000 good, × 0.8 at every second bad one, not below 1. */
  tensorflowContrib: preset({ initialScale: 2 ** 32, growthInterval: 1000, backoffFactor: 0.8, badSteps: 2, floor: 1 }),
  /** keras.optimizers.LossScaleOptimizer: 2^15, × 2 after 2000 good steps, ÷ 2 at a bad one. (Keras lets the scale grow to infinity.) */
  keras: preset({ initialScale: 2 ** 15, growthInterval: 2000, backoffFactor: 0.5, badSteps: 1, floor: null }),
  /** torch.amp.GradScaler: 2^16, × 2 after 2000 good steps, ÷ 2 at a bad one. */
  pytorch: preset({ initialScale: 2 ** 16, growthInterval: 2000, backoffFactor: 0.5, badSteps: 1, floor: null }),
}

/** What changes from step to step: float32 scalar, and two int32 scalars. */
export interface ScaleState<T extends tf.Tensor = tf.Scalar> {
  scale: T
  goodSteps: T
  badSteps: T
}

/** The state after a step. @param finite bool scalar: whether all gradients of the step were */
export function nextState(state: ScaleState, finite: tf.Scalar, lossScale: DynamicLossScale): ScaleState {
  const { growthInterval, growthFactor, backoffFactor, floor } = lossScale
  const { scale } = state
  const [zero, one] = [tf.scalar(0, 'int32'), tf.scalar(1, 'int32')]
  const either = <T extends tf.Tensor>(condition: tf.Scalar, a: T, b: T): T => tf.where(condition, a, b)

  const [good, bad] = [tf.add<tf.Scalar>(state.goodSteps, one), tf.add<tf.Scalar>(state.badSteps, one)]
  const grows = tf.greaterEqual<tf.Scalar>(good, tf.scalar(growthInterval, 'int32'))
  const shrinks = tf.greaterEqual<tf.Scalar>(bad, tf.scalar(lossScale.badSteps, 'int32'))

  const larger = tf.mul<tf.Scalar>(scale, growthFactor)
  const grown = either(tf.lessEqual(larger, LARGEST_FLOAT32), larger, scale)
  const smaller = tf.mul<tf.Scalar>(scale, backoffFactor)
  const shrunk = floor === null ? smaller : tf.maximum<tf.Scalar>(smaller, floor)

  return {
    scale: either(finite, either(grows, grown, scale), either(shrinks, shrunk, scale)),
    goodSteps: either(finite, either(grows, zero, good), zero),
    badSteps: either(finite, either(grows, zero, state.badSteps), either(shrinks, zero, bad)),
  }
}

const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127

/** @throws naming the first number that is out of its range */
export function checked<T extends LossScale>(lossScale: T): T {
  const check = (name: keyof Options, right: (value: number) => boolean, expected: string) => {
    const value = (lossScale as DynamicLossScale)[name]
    if (!right(Number(value))) throw new Error(`${name}: got ${value}, expected ${expected}`)
  }
  const count = (value: number) => Number.isInteger(value) && value >= 1
  const float32 = (value: number) => value > 0 && value <= LARGEST_FLOAT32
  check('initialScale', float32, 'a number above 0 that float32 holds')
  if (lossScale.kind === 'fixed') return lossScale
  check('growthInterval', count, 'an integer of at least 1')
  check('growthFactor', (value) => value >= 1 && float32(value), 'a number of at least 1')
  check('backoffFactor', (value) => value > 0 && value <= 1, 'a number in (0, 1]')
  check('badSteps', count, 'an integer of at least 1')
  check('floor', (value) => lossScale.floor === null || float32(value), 'a number above 0, or null')
  return lossScale
}
