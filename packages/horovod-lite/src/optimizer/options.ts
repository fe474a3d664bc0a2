import type * as tf from '@tensorflow/tfjs-core'
import { Average, Max, Min, Product, type ReduceOp, Sum } from '../reduce_op'
import { type Compression, requireCompression } from './compression'

export interface DistributedOptimizerOptions {
  /** Default Average. */
  op?: ReduceOp
  /** Gradients of this many passes are added up before they are reduced and applied. Default 1. */
  backwardPassesPerStep?: number
  /** Divide them by the number of passes. Default false: their sum, as in Horovod. */
  averageAggregatedGradients?: boolean
  /** Averaging only: divide by this before the sum over the ranks, and by size / this after it. Default 1. */
  gradientPredivideFactor?: number
  /** How gradients are rounded before they travel. Default none. */
  compression?: Compression
  /** Gradients travel together up to this many bytes; 0: each alone. Default HOROVOD_FUSION_THRESHOLD, 64 MiB. */
  bucketBytes?: number
}

/** With the defaults filled in, but for `bucketBytes`, whose default is known after `init`. */
export type CheckedOptions = Required<Omit<DistributedOptimizerOptions, 'bucketBytes'>> & { bucketBytes?: number }

/** @throws where an option is out of its range, or the optimizer scales losses */
export function checked(optimizer: tf.Optimizer, given: DistributedOptimizerOptions): CheckedOptions {
  if (optimizer.getClassName() === 'LossScaleOptimizer')
    throw new Error(
      'got a LossScaleOptimizer inside DistributedOptimizer, expected the other way round: finiteness must be judged on reduced gradients',
    )
  const options = {
    op: Average as ReduceOp,
    backwardPassesPerStep: 1,
    averageAggregatedGradients: false,
    gradientPredivideFactor: 1,
    compression: 'none' as Compression,
    ...given,
  }
  const { op, compression, backwardPassesPerStep: passes, gradientPredivideFactor: factor, bucketBytes } = options
  if (![Average, Sum, Min, Max, Product].includes(op))
    throw new Error(`op: got ${op}, expected Average, Sum, Min, Max or Product`)
  requireCompression(compression)
  if (!(Number.isInteger(passes) && passes >= 1))
    throw new Error(`backwardPassesPerStep: got ${passes}, expected a whole number of at least 1`)
  if (!(factor > 0 && factor < Infinity))
    throw new Error(`gradientPredivideFactor: got ${factor}, expected a number above 0`)
  if (factor !== 1 && op !== Average)
    throw new Error(`gradientPredivideFactor: got ${factor} with op ${op}, expected 1: it splits an average`)
  if (bucketBytes !== undefined && !(bucketBytes >= 0))
    throw new Error(`bucketBytes: got ${bucketBytes}, expected a number of at least 0`)
  return options
}
