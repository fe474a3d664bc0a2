import type { Tensor } from '@tensorflow/tfjs-core'
import { type Cases, manyRanks, type World } from '../case'
import { expectClose, expectEqual, expectRaises, range, SHAPES, sizeOf, total } from '../tools'

const ROWS = [3, 2, 7, 4, 6, 8, 10]

/** The gradient of sum(through(x) · weights). */
function gradient({ tf }: World, x: Tensor, through: (x: Tensor) => Tensor, weights?: Tensor): Tensor {
  return tf.grad((x: Tensor) => tf.sum(tf.mul(through(x), weights ?? 1)))(x)
}

const filled = (shape: readonly number[], value: number): number[] => Array(sizeOf(shape)).fill(value)

export const gradients: Cases = {
  'gradient of a sum: the sum of the gradients': (world) => {
    const { hvd, tf, size, rank, ranks } = world
    for (const shape of SHAPES) {
      const x = tf.fill(shape, 5)
      const sum = (x: Tensor) => hvd.allreduce(x, { op: 'Sum' })
      expectEqual(gradient(world, x, sum), filled(shape, size), shape, 'float32')
      expectEqual(gradient(world, x, sum, tf.scalar(rank)), filled(shape, total(ranks)), shape, 'float32')
    }
  },

  'gradient of an average: the average of the gradients': (world) => {
    const { hvd, tf, size, rank, ranks } = world
    for (const shape of SHAPES) {
      const x = tf.fill(shape, 5)
      const average = (x: Tensor) => hvd.allreduce(x)
      expectClose(gradient(world, x, average), filled(shape, 1), shape, 2 ** -23)
      const mean = total(ranks) / size
      expectClose(gradient(world, x, average, tf.scalar(rank)), filled(shape, mean), shape, 2 ** -23)
    }
  },

  'gradient of a scaled sum is scaled too': (world) => {
    const { hvd, tf, size } = world
    const scaled = (x: Tensor) =>
      hvd.allreduce(x, { op: 'Sum', prescaleFactor: 0.5, postscaleFactor: 4, name: 'scaled' })
    expectEqual(gradient(world, tf.ones([3]), scaled), filled([3], 2 * size), [3], 'float32')
  },

  'gradient of a minimum is an error': {
    run(world) {
      const { hvd, tf } = world
      const minimum = () => gradient(world, tf.ones([3]), (x) => hvd.allreduce(x, { op: 'Min' }))
      expectRaises(world, minimum, /got a gradient through Min, expected Average or Sum/)
    },
    leaves: 'tfjs keeps what its tape has saved when a gradient throws',
  },

  /** The weights are equal on all ranks, so that their average is a rank's own. */
  'gradient of an allgather: the average of the gradients of the own rows': (world) => {
    const { hvd, tf, rank, ranks } = world
    for (const [, ...row] of SHAPES) {
      const shape = [ROWS[rank]!, ...row]
      const weights = tf.concat(ranks.map((r) => tf.fill([ROWS[r]!, ...row], r)))
      const got = gradient(world, tf.fill(shape, rank), (x) => hvd.allgather(x), weights)
      expectClose(got, filled(shape, rank), shape, 2 ** -23)
    }
  },

  'gradient of a broadcast: the average of the gradients for the root, nothing for the others': manyRanks((world) => {
    const { hvd, tf, rank, ranks } = world
    for (const shape of SHAPES)
      for (const root of ranks) {
        const got = gradient(world, tf.fill(shape, rank), (x) => hvd.broadcast(x, { root }))
        expectClose(got, filled(shape, rank === root ? 1 : 0), shape, 2 ** -23)
      }
  }),

  'gradient of an alltoall: goes back to where the rows came from': (world) => {
    const { hvd, tf, rank, size, ranks } = world
    for (const [, ...row] of SHAPES) {
      const shape = [(rank + 1) * size, ...row]
      const splits = ranks.map(() => rank + 1)
      const got = gradient(world, tf.ones(shape), (x) => {
        const { output } = hvd.alltoall(x, splits)
        return tf.mul(output, rank + 10) // of the receiver
      })
      const expected = ranks.flatMap((to) => filled([rank + 1, ...row], to + 10))
      expectEqual(got, expected, shape, 'float32')
      const equal = gradient(world, tf.ones(shape), (x) => hvd.alltoall(x).output)
      expectEqual(equal, filled(shape, 1), shape, 'float32')
    }
  },

  'gradients through several operations': (world) => {
    const { hvd, tf, size } = world
    const through = (x: Tensor) => {
      const gathered = hvd.allgather(tf.square(x))
      return hvd.allreduce(tf.sum(gathered, 0), { op: 'Sum' })
    }
    const got = gradient(world, tf.tensor2d([[1, 2, 3]]), through)
    expectClose(
      got,
      range(3).map((i) => 2 * (i + 1) * size),
      [1, 3],
      2 ** -22,
    )
  },
}
