import { RMSPropCentered } from './optimizer'
import type { RMSPropCenteredOptions } from './options'

/**
 * tf.compat.v1.train.RMSPropOptimizer: its numerics and its defaults (decay 0.9, momentum 0, ε 1e-10, not centered).
 * TensorFlow has no default learning rate.
 */
export const tensorflow1 = (options: RMSPropCenteredOptions) => new RMSPropCentered({ centered: false, ...options })

/** keras.optimizers.RMSprop (Keras 3): its numerics and its defaults (rate 0.001, rho 0.9, momentum 0, ε 1e-7, not centered). */
export const keras = (options: Partial<RMSPropCenteredOptions> = {}) =>
  new RMSPropCentered({
    learningRate: 0.001,
    epsilon: 1e-7,
    centered: false,
    initialMeanSquare: 0,
    meanSquareUpdate: 'weighted',
    meanGradientUpdate: 'weighted',
    oneMinusDecay: 'float64',
    ...options,
  })

/** torch.optim.RMSprop: its numerics and its defaults (lr 0.01, alpha 0.99, momentum 0, eps 1e-8, not centered). */
export const pytorch = (options: Partial<RMSPropCenteredOptions> = {}) =>
  new RMSPropCentered({
    learningRate: 0.01,
    decay: 0.99,
    epsilon: 1e-8,
    centered: false,
    initialMeanSquare: 0,
    epsilonInsideRoot: false,
    meanSquareUpdate: 'weighted', // mul_ and addcmul_
    meanGradientUpdate: 'difference', // lerp_
    oneMinusDecay: 'float64',
    learningRateInMomentum: false,
    ...options,
  })
