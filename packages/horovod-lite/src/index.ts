import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { DistributedOptimizer } from './optimizer/optimizer'

registerGradients() // `minimize` differentiates
tf.serialization.registerClass(DistributedOptimizer)

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
export {
  DistributedOptimizer,
  type DistributedOptimizerOptions,
  type Gradients,
  type LearningRate,
} from './optimizer/optimizer'
export { Average, Max, Min, Product, type ReduceOp, Sum } from './reduce_op'
export { LocalTransport, type Transport } from './transport'
export { type Environment, type World, worldOf } from './world'
