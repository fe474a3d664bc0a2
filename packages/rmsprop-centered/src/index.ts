import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { RMSPropCentered } from './optimizer'
import { ExponentialDecay } from './schedule'

registerGradients() // `minimize` differentiates
tf.serialization.registerClass(ExponentialDecay)
tf.serialization.registerClass(RMSPropCentered)

export { type Gradients, RMSPropCentered } from './optimizer'
export type { RMSPropCenteredOptions } from './options'
export { keras, pytorch, tensorflow1 } from './presets'
export { ExponentialDecay, type ExponentialDecayOptions, exponentialDecay, type Schedule } from './schedule'
