import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { LossScaleOptimizer } from './optimizer'

registerGradients() // `minimize` differentiates
tf.serialization.registerClass(LossScaleOptimizer)

export { clipByGlobalNorm } from './clip'
export { allFinite } from './finite'
export {
  type DynamicLossScale,
  dynamicLossScale,
  type FixedLossScale,
  fixedLossScale,
  type LossScale,
} from './loss_scale'
export { LossScaleOptimizer, type LossScaleOptimizerOptions } from './optimizer'
export type { ConditionalOptimizer, Gradients, LearningRate, NamedTensor } from './types'
