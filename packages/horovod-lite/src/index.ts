import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { DistributedOptimizer } from './optimizer/optimizer'
import { LearningRateWarmup } from './optimizer/warmup'

registerGradients() // `minimize` differentiates
tf.serialization.registerClass(DistributedOptimizer)
tf.serialization.registerClass(LearningRateWarmup)

export {
  type AllreduceOptions,
  allgather,
  allreduce,
  alltoall,
  barrier,
  broadcast,
  broadcastObject,
  broadcastVariables,
  groupedAllreduce,
  join,
} from './collectives/collectives'
export {
  crossRank,
  crossSize,
  type InitOptions,
  init,
  isInitialized,
  localRank,
  localSize,
  rank,
  shutdown,
  size,
} from './context'
export type { Compression } from './optimizer/compression'
export type { LearningRate, Schedule } from './optimizer/learning_rate'
export { averageMetrics, MetricAverageCallback } from './optimizer/metrics'
export { DistributedOptimizer, type Gradients } from './optimizer/optimizer'
export type { DistributedOptimizerOptions } from './optimizer/options'
export { broadcastOptimizerState } from './optimizer/state'
export { LearningRateWarmup, type LearningRateWarmupOptions, learningRateWarmup } from './optimizer/warmup'
export { Average, Max, Min, Product, type ReduceOp, Sum } from './reduce_op'
export { LocalTransport, type Transport } from './transport'
export { type Environment, type World, worldOf } from './world'
