import * as tf from '@tensorflow/tfjs-core'
import { LocalTransport, type ReduceOp } from '../src'

/** A world of identical ranks, so that what all of them hold is known from one: what a real transport must give. */
export class Mirror extends LocalTransport {
  calls: { op: ReduceOp; sent: tf.Tensor[] }[] = []

  constructor(private readonly size: number) {
    super()
  }

  override allreduce = (tensors: tf.Tensor[], op: ReduceOp) => {
    this.calls.push({ op, sent: tensors.map((tensor) => tf.keep(tf.clone(tensor))) })
    const all = (tensor: tf.Tensor) => {
      if (op === 'Sum') return tf.addN(Array<tf.Tensor>(this.size).fill(tensor))
      return op === 'Product'
        ? tf.cast(tf.pow(tensor, tf.scalar(this.size, tensor.dtype)), tensor.dtype)
        : tf.clone(tensor)
    }
    return tensors.map(all)
  }

  override allgather = (tensor: tf.Tensor) => tf.concat(Array<tf.Tensor>(this.size).fill(tensor))

  dispose() {
    tf.dispose(this.calls.flatMap(({ sent }) => sent))
  }
}

export const environmentOf = (size: number) => ({ HOROVOD_RANK: '0', HOROVOD_SIZE: String(size) })
