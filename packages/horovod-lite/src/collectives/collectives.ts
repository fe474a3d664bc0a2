import * as tf from '@tensorflow/tfjs-core'
import { context } from '../context'
import { type Compression, compress } from '../optimizer/compression'
import { Average, type ReduceOp, Sum } from '../reduce_op'

export interface AllreduceOptions {
  /** Default Average. */
  op?: ReduceOp
  /** Multiplied in before the reduction. Default 1. */
  prescaleFactor?: number
  /** Multiplied in after it. Default 1. */
  postscaleFactor?: number
  /** How float32 values are rounded before they travel. Default none. */
  compression?: Compression
}

/**
 * One tensor of all ranks, reduced element by element. The shape and dtype must be the same on every rank.
 * @returns a new tensor; in a world of one a copy, in whatever dtype
 */
export function allreduce<T extends tf.Tensor>(tensor: T, options: AllreduceOptions = {}): T {
  return groupedAllreduce([tensor], options)[0]!
}

/** `allreduce` of several tensors as one operation. */
export function groupedAllreduce<T extends tf.Tensor>(tensors: T[], options: AllreduceOptions = {}): T[] {
  const { op = Average, prescaleFactor = 1, postscaleFactor = 1, compression = 'none' } = options
  const { transport, world } = context('allreduce()')
  const factor = op === Average ? postscaleFactor / world.size : postscaleFactor
  return tf.tidy(() => {
    const outgoing = tensors.map((tensor) => compress(scale(tensor, prescaleFactor), compression))
    const reduced = transport.allreduce(outgoing, op === Average ? Sum : op)
    return reduced.map((tensor) => scale(tensor, factor) as T)
  })
}

/** Whole numbers are truncated back to their dtype. */
const scale = (tensor: tf.Tensor, factor: number): tf.Tensor =>
  factor === 1 ? tensor : tf.cast(tf.mul(tf.cast(tensor, 'float32'), factor), tensor.dtype)

/**
 * The tensors of all ranks joined along the first dimension, in the order of ranks.
 * @param tensor [n, …], where n may differ between ranks
 * @returns [n₀ + n₁ + …, …]
 */
export function allgather<T extends tf.Tensor>(tensor: T): T {
  requireRows(tensor, 'allgather')
  return context('allgather()').transport.allgather(tensor) as T
}

/** The root's tensor, on every rank. */
export function broadcast<T extends tf.Tensor>(tensor: T, { root = 0 } = {}): T {
  return context('broadcast()').transport.broadcast([tensor], checkedRoot(root))[0] as T
}

/** A copy of the root's value, on every rank: anything that `structuredClone` copies. */
export function broadcastObject<T>(value: T, { root = 0 } = {}): T {
  return context('broadcastObject()').transport.broadcastObject(value, checkedRoot(root))
}

/** Gives variables (or an optimizer's slots) the root's values, on every rank: call it once before training. */
export function broadcastVariables(variables: tf.Variable[] | Record<string, tf.Variable>, { root = 0 } = {}): void {
  const all = Object.values(variables)
  const { transport } = context('broadcastVariables()')
  tf.tidy(() => {
    const values = transport.broadcast(all, checkedRoot(root))
    for (const [i, variable] of all.entries()) variable.assign(values[i]!)
  })
}

/**
 * Sends rows to the ranks in turn and receives theirs.
 * @param tensor [n, …]
 * @param splits rows for each rank, n in sum; default equal parts
 */
export function alltoall<T extends tf.Tensor>(tensor: T, splits?: number[]): { output: T; receivedSplits: number[] } {
  const { transport, world } = context('alltoall()')
  const rows = requireRows(tensor, 'alltoall')
  const parts = splits ?? Array<number>(world.size).fill(rows / world.size)
  const right = parts.every((part) => Number.isInteger(part) && part >= 0)
  if (!right || parts.length !== world.size || parts.reduce((sum, part) => sum + part, 0) !== rows)
    throw new Error(`splits: got [${parts}], expected ${world.size} whole numbers with sum ${rows}: one for each rank`)
  return transport.alltoall(tensor, parts) as { output: T; receivedSplits: number[] }
}

/** Returns when all ranks have called it. */
export const barrier = (): void => context('barrier()').transport.barrier()

/** For uneven data: says that this rank has no more batches and waits for the others. @returns the last rank that joined */
export const join = (): number => context('join()').transport.join()

function checkedRoot(root: number): number {
  const { size } = context('broadcast()').world
  if (!(Number.isInteger(root) && root >= 0 && root < size))
    throw new Error(`root: got ${root}, expected a rank from 0 to ${size - 1}`)
  return root
}

function requireRows(tensor: tf.Tensor, caller: string): number {
  const [rows] = tensor.shape
  if (rows === undefined) throw new Error(`${caller}: got a scalar, expected at least one dimension: reshape it to [1]`)
  return rows
}
