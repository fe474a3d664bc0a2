import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, runKernel } from './kernels'
import { oneOf } from './names'

/** Activations by the reference's names, and the common ones that it lacks (relu6, tanh, sigmoid). */
export const ACTIVATIONS = [
  'relu',
  'leaky_relu',
  'prelu_shared',
  'prelu_not_shared',
  'elu',
  'selu',
  'crelu',
  'relu6',
  'tanh',
  'sigmoid',
] as const
export type ActivationName = (typeof ACTIVATIONS)[number]

export const activationName = (name: string): ActivationName =>
  name === 'prelu' ? 'prelu_not_shared' : oneOf('activation', name, ACTIVATIONS)

/**
 * An elementwise function y = f(z) whose derivative can be read off y, so that z need not be kept for the gradient.
 *
 * `alpha` is the variable of the parametric ones, absent from the others.
 */
export interface Activation {
  /** f, in plain ops. */
  apply(z: tf.Tensor4D, alpha?: tf.Tensor): tf.Tensor4D
  /** dL/dz from dL/dy and y. */
  gradient(dy: tf.Tensor4D, y: tf.Tensor4D, alpha?: tf.Tensor): tf.Tensor4D
  /** dL/dalpha from dL/dy and y. */
  alphaGradient?(dy: tf.Tensor4D, y: tf.Tensor4D, alpha: tf.Tensor): tf.Tensor
  /** What the FusedConv2D kernel calls it, where it knows it. */
  fused?: { activation: string; leakyreluAlpha?: number }
  /** Channels out for each channel in; 1 unless stated. */
  widening?: 2
}

/** tf.nn.leaky_relu's default, which the reference passes too. */
const LEAKY_RELU_SLOPE = 0.2
/** Klambauer et al. 2017, "Self-Normalizing Neural Networks": scale and scale · α. */
const { SELU_SCALE, SELU_SCALEALPHA: SELU_SCALE_ALPHA } = tf.backend_util

/** dy where y > 0, else dy · slope(y). */
const scaledBelowZero = (dy: tf.Tensor4D, y: tf.Tensor4D, slope: number | tf.Tensor): tf.Tensor4D =>
  tf.where(tf.greater(y, 0), dy, tf.mul<tf.Tensor4D>(dy, slope))

/** dy where the ReLU's output y is positive, else 0: the backend's `ReluGrad` kernel, or plain ops. */
function reluGradient(dy: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor4D {
  return hasKernel('ReluGrad') ? runKernel('ReluGrad', { dy, y }) : tf.mul(dy, tf.step(y))
}

/**
 * Parametric ReLU as the reference has it: y = max(z, a · z) with a = sigmoid(alpha), so 0 < a < 1.
 *
 * Below zero y = a · z, so dy/dalpha = z · a · (1 − a) = y · (1 − a).
 */
const prelu: Activation = {
  apply: (z, alpha) => tf.maximum(z, tf.mul<tf.Tensor4D>(z, tf.sigmoid(alpha!))),
  gradient: (dy, y, alpha) => scaledBelowZero(dy, y, tf.sigmoid(alpha!)),
  alphaGradient(dy, y, alpha) {
    const byChannel = tf.sum(tf.mul(dy, tf.minimum(y, 0)), [0, 1, 2])
    const shared = alpha.size === 1
    return tf.mul(shared ? tf.reshape(tf.sum(byChannel), [1]) : byChannel, tf.sub(1, tf.sigmoid(alpha)))
  },
}

export const activations: Record<ActivationName | 'linear', Activation> = {
  linear: { apply: (z) => z, gradient: (dy) => dy, fused: { activation: 'linear' } },
  relu: { apply: tf.relu, gradient: reluGradient, fused: { activation: 'relu' } },
  relu6: {
    apply: tf.relu6,
    gradient: (dy, y) => tf.mul(dy, tf.mul(tf.step(y), tf.step(tf.sub(6, y)))),
    fused: { activation: 'relu6' },
  },
  leaky_relu: {
    apply: (z) => tf.leakyRelu(z, LEAKY_RELU_SLOPE),
    gradient: (dy, y) => scaledBelowZero(dy, y, LEAKY_RELU_SLOPE),
    fused: { activation: 'leakyrelu', leakyreluAlpha: LEAKY_RELU_SLOPE },
  },
  prelu_shared: prelu,
  prelu_not_shared: prelu,
  // y = e^z − 1 below zero, so dy/dz = y + 1
  elu: { apply: tf.elu, gradient: (dy, y) => scaledBelowZero(dy, y, tf.add(y, 1)), fused: { activation: 'elu' } },
  // y = s · α · (e^z − 1) below zero, so dy/dz = y + s · α
  selu: {
    apply: tf.selu,
    gradient: (dy, y) =>
      tf.mul(dy, tf.where(tf.greater(y, 0), tf.fill(y.shape, SELU_SCALE), tf.add(y, SELU_SCALE_ALPHA))),
  },
  // y = [relu(z), relu(−z)], Shang et al. 2016
  crelu: {
    apply: (z) => tf.concat([tf.relu(z), tf.relu(tf.neg(z))], 3),
    gradient(dy, y) {
      const [positive, negative] = tf.split(reluGradient(dy, y), 2, 3)
      return tf.sub(positive!, negative!)
    },
    widening: 2,
  },
  tanh: { apply: tf.tanh, gradient: (dy, y) => tf.mul(dy, tf.sub(1, tf.square(y))) },
  sigmoid: {
    apply: tf.sigmoid,
    gradient: (dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y))),
    fused: { activation: 'sigmoid' },
  },
}
