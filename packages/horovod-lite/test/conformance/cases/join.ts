import type { DataType, Tensor } from '@tensorflow/tfjs-core'
import { raised } from '../../support/calls'
import { type Cases, manyRanks, type World } from '../case'
import { DTYPES, REDUCTIONS, reduced } from '../references'
import { expectClose, expectEqual, expectSame, integers, SHAPES, tensorOf, valuesOf } from '../tools'

/** Every rank in turn has no data; the others do `work` first. All learn the same last rank. */
async function eachJoinsFirst(world: World, work: (first: number) => unknown): Promise<void> {
  const { hvd, rank, ranks } = world
  for (const first of ranks) {
    if (rank !== first) await work(first)
    const last = hvd.join()
    if (last === first) throw new Error(`got ${last} as the last to join, which was the first`)
    expectSame(
      hvd.allgatherObject(last),
      ranks.map(() => last),
    )
  }
}

const refused = (kind: string, call: (world: World, first: number) => unknown) =>
  manyRanks((world) =>
    eachJoinsFirst(world, (first) => {
      const message = raised(() => call(world, first))
      const expected = new RegExp(`${kind}.*: got it where rank ${first} had joined, expected allreduce only`)
      if (!expected.test(message)) throw new Error(`got ${message}`)
    }),
  )

export const joining: Cases = {
  'join: averages go on without the rank that joined, which counts as zero': manyRanks((world) =>
    eachJoinsFirst(world, async () => {
      const { hvd, size } = world
      for (const shape of SHAPES)
        for (const dtype of ['float32', 'int32'] as const) {
          const small = shape.map(() => 5)
          const [a, b] = [integers(1, 5 ** shape.length), integers(2, 17 ** shape.length)]
          const [first, second] = await Promise.all([
            hvd.allreduceAsync(tensorOf(world, a, small, dtype), { name: 'a' }),
            hvd.allreduceAsync(tensorOf(world, b, shape, dtype), { name: 'b' }),
          ])
          const averages = (values: number[]) => values.map((value) => (value * (size - 1)) / size)
          if (dtype === 'int32') {
            expectEqual(first, averages(a).map(Math.trunc), small, dtype)
            expectEqual(second, averages(b).map(Math.trunc), shape, dtype)
          } else {
            expectClose(first, averages(a), small, 2 ** -22)
            expectClose(second, averages(b), shape, 2 ** -22)
          }
        }
    }),
  ),

  'join: every reduction of every dtype leaves out the rank that joined': manyRanks((world) =>
    eachJoinsFirst(world, (first) => {
      const { hvd, rank, ranks } = world
      const others = ranks.filter((r) => r !== first)
      const compare = (op: (typeof REDUCTIONS)[number][1][number], dtype: DataType, count: number) => {
        const ofRanks = others.map((r) => integers(count + r, count, -8, 8))
        const own = tensorOf(world, ofRanks[others.indexOf(rank)]!, [count], dtype)
        expectEqual(hvd.allreduce(own, { op }), valuesOf(reduced(op, ofRanks, dtype), dtype), [count], dtype)
      }
      for (const [dtype, ops] of REDUCTIONS)
        for (const op of ops) if (op !== 'Average') for (const count of [7, 20_000]) compare(op, dtype, count)
    }),
  ),

  'join: compressed sums, groups and barriers go on': manyRanks((world) =>
    eachJoinsFirst(world, () => {
      const { hvd, size, tf } = world
      for (const compression of ['fp16', 'bf16'] as const)
        for (const count of [3, 50_000])
          expectEqual(
            hvd.allreduce(tf.fill([count], 2), { op: 'Sum', compression }),
            Array(count).fill(2 * (size - 1)),
            [count],
            'float32',
          )
      const group = hvd.groupedAllreduce(
        DTYPES.map((dtype): Tensor => tensorOf(world, [1, 3], [2], dtype)),
        { op: 'Sum' },
      )
      expectEqual(group[1]!, [size - 1, 3 * (size - 1)], [2], 'int32')
      hvd.barrier()
    }),
  ),

  'join: allgather is an error': refused('allgather', ({ hvd, tf }) => hvd.allgather(tf.ones([17]))),
  'join: broadcast is an error': refused('broadcast', ({ hvd, tf }, first) =>
    hvd.broadcast(tf.ones([17]), { root: first, name: 'weights' }),
  ),
  'join: alltoall is an error': refused('alltoall', ({ hvd, tf, size }) => hvd.alltoall(tf.ones([size]))),

  'join: ranks with other numbers of batches, twice': ({ hvd, tf, rank, size, ranks }) => {
    for (const epoch of [0, 1]) {
      const batches = (r: number) => 2 * ((r + epoch) % size)
      for (let batch = 0; batch < batches(rank); batch++) {
        const there = ranks.filter((r) => batches(r) > batch)
        const summed = hvd.allreduce(tf.fill([4], rank + 1), { name: `batch ${batch}`, op: 'Sum' })
        expectEqual(summed, Array(4).fill(there.reduce((sum, r) => sum + r + 1, 0)), [4], 'float32')
      }
      const last = hvd.join()
      if (size > 1) expectSame(batches(last), 2 * (size - 1)) // whoever has the most is last
    }
  },

  'join: all at once': ({ hvd, tf, ranks, size }) => {
    const last = hvd.join()
    if (!ranks.includes(last)) throw new Error(`got ${last} as the last to join`)
    expectEqual(hvd.allreduce(tf.scalar(1), { op: 'Sum' }), [size], [], 'float32')
  },

  'join: what a rank began before it joined is done': manyRanks(async ({ hvd, tf, rank, size }) => {
    const pending = rank === 0 ? hvd.allreduceAsync(tf.fill([3], 5), { name: 'begun', op: 'Sum' }) : undefined
    hvd.join()
    if (pending) expectEqual(await pending, [5, 5, 5], [3], 'float32')
    expectEqual(hvd.allreduce(tf.scalar(1), { op: 'Sum' }), [size], [], 'float32')
  }),
}
