import * as tf from '@tensorflow/tfjs-core'
import type { Average, ReduceOp } from './reduce_op'

/**
 * What moves tensors between the ranks: the one place that differs between one process, shared memory, sockets and MPI.
 *
 * Each call is collective: every rank makes the same calls in the same order. It blocks until its result is there, since
 * `tf.Optimizer` is synchronous. Results are new tensors; the arguments stay the caller's. A transport that must read
 * tensors to send them reads all of a call at once.
 */
export interface Transport {
  readonly name: string
  /** Element-wise over the ranks; averaging is Sum, divided by the caller. Shapes and dtypes as given. */
  allreduce(tensors: tf.Tensor[], op: Exclude<ReduceOp, typeof Average>): tf.Tensor[]
  /** All ranks' tensors one after the other along the first dimension, which may differ between ranks. */
  allgather(tensor: tf.Tensor): tf.Tensor
  /** The root's tensors. */
  broadcast(tensors: tf.Tensor[], root: number): tf.Tensor[]
  /** A copy of the root's value, of any kind that `structuredClone` copies. */
  broadcastObject<T>(value: T, root: number): T
  /** Sends `splits[r]` rows to rank r; gives the rows received, in the order of ranks, and how many came from each. */
  alltoall(tensor: tf.Tensor, splits: number[]): { output: tf.Tensor; receivedSplits: number[] }
  /** Returns when all ranks have called it. */
  barrier(): void
  /** Says that this rank has no more data, and waits for the others. @returns the last rank that joined */
  join(): number
  shutdown(): void
}

/** One process alone: each collective gives back a copy, and nothing is read back. */
export class LocalTransport implements Transport {
  readonly name: string = 'local'
  allreduce: Transport['allreduce'] = (tensors) => tensors.map((tensor) => tf.clone(tensor))
  allgather: Transport['allgather'] = (tensor) => tf.clone(tensor)
  broadcast: Transport['broadcast'] = (tensors) => tensors.map((tensor) => tf.clone(tensor))
  broadcastObject: Transport['broadcastObject'] = (value) => structuredClone(value)
  alltoall: Transport['alltoall'] = (tensor, splits) => ({ output: tf.clone(tensor), receivedSplits: [...splits] })
  barrier: Transport['barrier'] = () => {}
  join: Transport['join'] = () => 0
  shutdown: Transport['shutdown'] = () => {}
}
