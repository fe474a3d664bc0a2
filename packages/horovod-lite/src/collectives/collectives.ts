import * as tf from '@tensorflow/tfjs-core'
import { context } from '../context'
import {
  joinAll,
  type Named,
  type Rooted,
  startAllgather,
  startAllgatherObject,
  startAlltoall,
  startBarrier,
  startBroadcast,
  startBroadcastObject,
} from './operations'
import {
  type AllreduceOptions,
  differentiable,
  type GroupedAllreduceOptions,
  startAllreduce,
  startAllreduceInPlace,
  startGroupedAllreduce,
} from './reductions'

export type { Named, Rooted } from './operations'
export type { AllreduceOptions, GroupedAllreduceOptions } from './reductions'

// Each operation blocks until its result is there, since `tf.Optimizer` is synchronous; the forms that end in Async
// return promises, and any number of them may be under way. Results are new tensors; arguments stay the caller's.

/**
 * One tensor of all ranks, reduced element by element: float32, int32, bool (Sum and Max are "or", Product and Min "and")
 * or complex64 (Sum, Average). Differentiable for float32 (Average, Sum).
 * @returns a new tensor, equal to the bit on every rank; in a world of one a copy
 * @throws on every rank where names, shapes, dtypes, ops or factors differ, naming both
 */
export const allreduce = <T extends tf.Tensor>(tensor: T, options: AllreduceOptions = {}): T =>
  differentiable(tensor, options) as T

/** `allreduce` that goes on meanwhile. Not differentiable. */
export const allreduceAsync = async <T extends tf.Tensor>(tensor: T, options: AllreduceOptions = {}): Promise<T> =>
  startAllreduce(tensor, options).promise() as Promise<T>

/**
 * `allreduce` of numbers where they are, as C programs know it: for engines and loops that keep gradients in one array, which
 * then need no new memory.
 * @param values replaced by the result; after an error they may be anything
 * @throws as `allreduce`
 */
export const allreduce_ = (values: Float32Array | Int32Array, options: AllreduceOptions = {}): void =>
  startAllreduceInPlace(values, { ...options, waiting: true }).wait()

/** `allreduce_` that goes on meanwhile; neither read nor change the values until it has ended. */
export const allreduceAsync_ = async (
  values: Float32Array | Int32Array,
  options: AllreduceOptions = {},
): Promise<void> => startAllreduceInPlace(values, options).promise()

/** `allreduce` of several tensors as one operation (one a dtype). */
export const groupedAllreduce = <T extends tf.Tensor>(
  tensors: readonly T[],
  options: GroupedAllreduceOptions = {},
): T[] => startGroupedAllreduce(tensors, { ...options, waiting: true }).wait() as T[]

export const groupedAllreduceAsync = async <T extends tf.Tensor>(
  tensors: readonly T[],
  options: GroupedAllreduceOptions = {},
): Promise<T[]> => startGroupedAllreduce(tensors, options).promise() as Promise<T[]>

/**
 * The tensors of all ranks joined along the first dimension, in the order of ranks. Differentiable for float32: the
 * gradient of a rank's rows is the average of all ranks' gradients for them.
 * @param tensor [n, …], where n may differ between ranks and be 0
 * @returns [n₀ + n₁ + …, …]
 */
export function allgather<T extends tf.Tensor>(tensor: T, options: Named = {}): T {
  const gather = (x: tf.Tensor) => startAllgather(x, options).wait()
  if (tensor.dtype !== 'float32') return gather(tensor).output as T
  const custom = tf.customGrad((x) => {
    const { output, rows } = gather(x as tf.Tensor)
    return { value: output, gradFunc: (dy: tf.Tensor) => ownRows(averageOf(dy), rows) }
  })
  return custom(tensor) as T
}

/** Of the gradients of all ranks for one value, as in Horovod. */
const averageOf = (dy: tf.Tensor): tf.Tensor => startAllreduce(dy, { waiting: true }).wait()

function ownRows(all: tf.Tensor, rows: readonly number[]): tf.Tensor {
  const { rank } = context('allgather()').world
  const [, ...row] = all.shape
  const start = rows.slice(0, rank).reduce((sum, count) => sum + count, 0)
  return tf.tidy(() => tf.slice(all, [start, ...row.map(() => 0)], [rows[rank]!, ...row]))
}

export const allgatherAsync = async <T extends tf.Tensor>(tensor: T, options: Named = {}): Promise<T> =>
  (await startAllgather(tensor, options).promise()).output as T

/** Every rank's value, in the order of ranks: anything that `structuredClone` copies. */
export const allgatherObject = <T>(value: T, options: Named = {}): T[] => startAllgatherObject(value, options).wait()

/** The root's tensor, on every rank; shapes and dtypes are the same everywhere. Differentiable for float32: averaged. */
export function broadcast<T extends tf.Tensor>(tensor: T, options: Rooted = {}): T {
  const send = (x: tf.Tensor) => startBroadcast([x], options).wait()[0]!
  if (tensor.dtype !== 'float32') return send(tensor) as T
  const custom = tf.customGrad((x) => ({
    value: send(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => onlyOn(options.root ?? 0, averageOf(dy)),
  }))
  return custom(tensor) as T
}

const onlyOn = (root: number, tensor: tf.Tensor): tf.Tensor =>
  context('broadcast()').world.rank === root ? tensor : tf.zerosLike(tensor)

export const broadcastAsync = async <T extends tf.Tensor>(tensor: T, options: Rooted = {}): Promise<T> =>
  (await startBroadcast([tensor], options).promise())[0] as T

/** A copy of the root's value, on every rank: anything that `structuredClone` copies. */
export const broadcastObject = <T>(value: T, options: Rooted = {}): T => startBroadcastObject(value, options).wait()

/** Gives variables (or an optimizer's slots) the root's values, on every rank: call it once before training. */
export function broadcastVariables(
  variables: readonly tf.Variable[] | Record<string, tf.Variable>,
  options: Rooted = {},
): void {
  context('broadcastVariables()')
  const all: tf.Variable[] = Object.values(variables)
  const names = all.map(({ name }) => name)
  tf.tidy(() => {
    const values = startBroadcast(all, { ...options, names }).wait()
    for (const [i, variable] of all.entries()) variable.assign(values[i]!)
  })
}

/**
 * Sends rows to the ranks in turn and receives theirs. Differentiable for float32.
 * @param tensor [n, …]
 * @param splits rows for each rank, n in sum; default equal parts
 */
export function alltoall<T extends tf.Tensor>(
  tensor: T,
  splits?: readonly number[],
  options: Named = {},
): { output: T; receivedSplits: number[] } {
  const send = (x: tf.Tensor, rows?: readonly number[]) => startAlltoall(x, rows, options).wait()
  if (tensor.dtype !== 'float32') return send(tensor, splits) as { output: T; receivedSplits: number[] }
  let receivedSplits: number[] = []
  const custom = tf.customGrad((x) => {
    const sent = send(x as tf.Tensor, splits)
    receivedSplits = sent.receivedSplits
    return { value: sent.output, gradFunc: (dy: tf.Tensor) => startAlltoall(dy, sent.receivedSplits).wait().output }
  })
  return { output: custom(tensor) as T, receivedSplits }
}

export const alltoallAsync = async <T extends tf.Tensor>(
  tensor: T,
  splits?: readonly number[],
  options: Named = {},
): Promise<{ output: T; receivedSplits: number[] }> =>
  startAlltoall(tensor, splits, options).promise() as Promise<{ output: T; receivedSplits: number[] }>

/** Returns when all ranks have called it. */
export const barrier = (options: Named = {}): void => startBarrier(options).wait()

/**
 * For uneven data: says that this rank has no more batches and waits for the others, which may go on to reduce; this rank
 * counts as zero (Sum, Average), one (Product), or is left out (Min, Max). Averages still divide by size().
 * @returns the last rank that joined, equal on all ranks
 */
export const join = (): number => joinAll()
