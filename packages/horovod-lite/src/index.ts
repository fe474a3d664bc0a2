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
  allgatherAsync,
  allgatherObject,
  allreduce,
  allreduce_,
  allreduceAsync,
  allreduceAsync_,
  alltoall,
  alltoallAsync,
  barrier,
  broadcast,
  broadcastAsync,
  broadcastObject,
  broadcastVariables,
  type GroupedAllreduceOptions,
  groupedAllreduce,
  groupedAllreduceAsync,
  join,
  type Named,
  type Rooted,
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
  transportName,
} from './context'
export { type ElasticState, elastic, type ObjectState, type TrainingState } from './elastic'
export { HorovodInternalError, HostsUpdatedInterrupt } from './elastic/errors'
export type { Compression } from './optimizer/compression'
export type { LearningRate, Schedule } from './optimizer/learning_rate'
export { averageMetrics, MetricAverageCallback } from './optimizer/metrics'
export { DistributedOptimizer, type Gradients } from './optimizer/optimizer'
export type { DistributedOptimizerOptions } from './optimizer/options'
export { broadcastOptimizerState } from './optimizer/state'
export { LearningRateWarmup, type LearningRateWarmupOptions, learningRateWarmup } from './optimizer/warmup'
export { Average, Max, Min, Product, type ReduceOp, Sum } from './reduce_op'
export type { AvailableTransport } from './transports/available'
export type { TransportModule } from './transports/choose'
export type { Links } from './transports/tcp/links'
export type { MemoryRange, Peer, Reduction, Transport, WireType } from './transports/transport'
export { type Environment, type World, worldOf } from './world'

/** Which transports work on this host, and why others do not. For Node. */
export const availableTransports = async () => (await import('./transports/available')).availableTransports()
