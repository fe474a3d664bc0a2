import * as tf from '@tensorflow/tfjs-core'
import type { Hyperparameters, MeanUpdate } from './options'

/** A variable and its slots, all of one shape. `meanGradient` is null where the optimizer is not centered. */
export interface State<T extends tf.Tensor = tf.Tensor> {
  variable: T
  meanSquare: T
  meanGradient: T | null
  momentum: T
}

/**
 * One step of RMSProp: the state after gradient g at learning rate lr. With TensorFlow 1's choices
 * (training_ops.cc, ApplyCenteredRMSProp):
 *
 *     ms  ← ms + (g² − ms)(1 − ρ)        mg ← mg + (g − mg)(1 − ρ)
 *     mom ← momentum·mom + g·lr / sqrt(ms − mg² + ε)        v ← v − mom
 *
 * @param rate float32 scalar
 * @param condition bool scalar; where it is false the state stays as it is, to the bit
 */
export function step(
  state: State,
  gradient: tf.Tensor,
  rate: tf.Scalar,
  options: Hyperparameters,
  condition?: tf.Scalar,
): State {
  if (hasKernel(options)) return stepByKernel(state, gradient, rate, options, condition)
  const next = stepByOps(state, gradient, rate, options)
  return condition ? select(condition, next, state) : next
}

function stepByOps(state: State, gradient: tf.Tensor, rate: tf.Scalar, options: Hyperparameters): State {
  const { decay, oneMinusDecay, epsilon, epsilonInsideRoot } = options
  const rest = oneMinusDecay === 'float32' ? Math.fround(1 - Math.fround(decay)) : 1 - decay
  const average = (form: MeanUpdate, mean: tf.Tensor, value: tf.Tensor) =>
    form === 'difference'
      ? tf.add(mean, tf.mul(tf.sub(value, mean), rest))
      : tf.add(tf.mul(mean, decay), tf.mul(value, rest))

  const meanSquare = average(options.meanSquareUpdate, state.meanSquare, tf.square(gradient))
  const meanGradient = state.meanGradient && average(options.meanGradientUpdate, state.meanGradient, gradient)
  const variance = meanGradient ? tf.sub(meanSquare, tf.square(meanGradient)) : meanSquare // E[g²] − E[g]²
  const root = epsilonInsideRoot ? tf.sqrt(tf.add(variance, epsilon)) : tf.add(tf.sqrt(variance), epsilon)

  const kept = tf.mul(state.momentum, options.momentum)
  if (options.learningRateInMomentum) {
    const momentum = tf.add(kept, tf.div(tf.mul(gradient, rate), root))
    return { variable: tf.sub(state.variable, momentum), meanSquare, meanGradient, momentum }
  }
  const momentum = tf.add(kept, tf.div(gradient, root))
  return { variable: tf.sub(state.variable, tf.mul(momentum, rate)), meanSquare, meanGradient, momentum }
}

/** `next` where `condition` is true, else `state`. */
function select(condition: tf.Scalar, next: State, state: State): State {
  const everywhere = tf.broadcastTo(condition, state.variable.shape) // once, not in each `where`
  const either = (a: tf.Tensor, b: tf.Tensor) => tf.where(everywhere, a, b)
  return {
    variable: either(next.variable, state.variable),
    meanSquare: either(next.meanSquare, state.meanSquare),
    meanGradient: state.meanGradient && either(next.meanGradient!, state.meanGradient),
    momentum: either(next.momentum, state.momentum),
  }
}

/** A backend may compute TensorFlow's centered form in one sweep, under TensorFlow's name. */
const KERNEL = 'ApplyCenteredRMSProp'

const hasKernel = (options: Hyperparameters) =>
  options.centered &&
  options.epsilonInsideRoot &&
  options.meanSquareUpdate === 'difference' &&
  options.meanGradientUpdate === 'difference' &&
  options.oneMinusDecay === 'float32' &&
  options.learningRateInMomentum &&
  tf.getKernel(KERNEL, tf.getBackend()) != null

function stepByKernel(
  state: State,
  gradient: tf.Tensor,
  learningRate: tf.Scalar,
  { decay, momentum, epsilon }: Hyperparameters,
  condition: tf.Scalar = tf.scalar(true, 'bool'),
): State {
  const inputs = { ...state, meanGradient: state.meanGradient!, gradient, learningRate, condition }
  const [variable, meanSquare, meanGradient, mom] = tf
    .engine()
    .runKernel<tf.Tensor[]>(KERNEL, inputs, { decay, momentum, epsilon })
  return { variable: variable!, meanSquare: meanSquare!, meanGradient: meanGradient!, momentum: mom! }
}
