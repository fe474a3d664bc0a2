import type { DataType } from '@tensorflow/tfjs-core'
import { pause } from '../../support/calls'
import { type Cases, manyRanks, type World } from '../case'
import { DTYPES } from '../references'
import { expectEqual, expectSame, integers, range, SHAPES, sizeOf, tensorOf, total, valuesOf } from '../tools'

const ALL: DataType[] = [...DTYPES, 'string']
/** Rows of each rank. */
const UNEVEN = [17, 32, 81, 12, 15, 23, 22]

/** Gathers `rows[rank]` rows of its own from each rank. */
function gathers(world: World, rows: readonly number[], dtype: DataType, shapes = SHAPES): void {
  const { hvd, rank, ranks } = world
  for (const [seed, [, ...row]] of shapes.entries()) {
    const numbers = (r: number) => integers(10 * seed + r, rows[r]! * sizeOf(row))
    const result = hvd.allgather(tensorOf(world, numbers(rank), [rows[rank]!, ...row], dtype))
    const shape = [total(ranks.map((r) => rows[r]!)), ...row]
    expectEqual(result, ofEach(ranks, numbers, dtype), shape, dtype)
  }
}

/** The ranks' values, one after the other. Complex ones are reversed within each rank's part. */
const ofEach = (ranks: readonly number[], numbers: (rank: number) => number[], dtype: DataType) =>
  ranks.flatMap((rank) => valuesOf(numbers(rank), dtype))

export const movement: Cases = {
  ...Object.fromEntries(
    ALL.flatMap((dtype) => [
      [
        `allgather of ${dtype}: as many rows from each rank`,
        (world: World) => gathers(world, Array(8).fill(17), dtype),
      ],
      [`allgather of ${dtype}: uneven rows`, (world: World) => gathers(world, UNEVEN, dtype)],
    ]),
  ),

  'allgather: ranks without rows': (world) => {
    for (const own of world.ranks)
      gathers(
        world,
        world.ranks.map((rank) => (rank === own ? 0 : rank + 1)),
        'float32',
      )
    gathers(
      world,
      world.ranks.map(() => 0),
      'int32',
    )
    const { hvd, tf, rank, ranks } = world
    const wide = hvd.allgather(tf.zeros([rank, 0])) // rows without numbers are counted
    expectSame(wide.shape, [total(ranks), 0])
  },

  'allgather: many rows': (world) => gathers(world, [40_000, 1, 0, 30_000], 'float32', [[1]]),

  'allgather, asynchronous: uneven rows of every dtype at once': async (world) => {
    const { hvd, rank, ranks } = world
    const all = ALL.flatMap((dtype) => SHAPES.map(([, ...row]) => ({ dtype, row })))
    const numbers = (r: number, i: number) => integers(10 * i + r, UNEVEN[r]! * sizeOf(all[i]!.row))
    const pending = all.map(({ dtype, row }, i) =>
      hvd.allgatherAsync(tensorOf(world, numbers(rank, i), [UNEVEN[rank]!, ...row], dtype)),
    )
    for (const [i, result] of (await Promise.all(pending)).entries()) {
      const { dtype, row } = all[i]!
      const shape = [total(ranks.map((r) => UNEVEN[r]!)), ...row]
      expectEqual(
        result,
        ofEach(ranks, (r) => numbers(r, i), dtype),
        shape,
        dtype,
      )
    }
  },

  'allgatherObject: objects of other sizes': ({ hvd, rank, ranks }) => {
    const value = (r: number) => ({ metric: r, ...(r === 1 ? { more: 'x'.repeat(100_000) } : {}) })
    expectSame(hvd.allgatherObject(value(rank)), ranks.map(value))
  },

  ...Object.fromEntries(
    ALL.map((dtype) => [
      `broadcast of ${dtype}: from every root`,
      (world: World) => {
        const { hvd, rank, ranks } = world
        for (const shape of SHAPES)
          for (const root of ranks) {
            const numbers = (r: number) => integers(r, sizeOf(shape))
            const own = tensorOf(world, numbers(rank), shape, dtype)
            expectEqual(hvd.broadcast(own, { root }), valuesOf(numbers(root), dtype), shape, dtype)
            expectEqual(own, valuesOf(numbers(rank), dtype), shape, dtype) // stays as it was
          }
      },
    ]),
  ),

  'broadcast: large, scalar, without numbers': ({ hvd, tf, rank, size }) => {
    const root = size - 1
    expectEqual(hvd.broadcast(tf.fill([500_001], rank), { root }), Array(500_001).fill(root), [500_001], 'float32')
    expectEqual(hvd.broadcast(tf.scalar(rank, 'int32'), { root }), [root], [], 'int32')
    expectEqual(hvd.broadcast(tf.zeros([3, 0]), { root }), [], [3, 0], 'float32')
  },

  'broadcast, asynchronous: from every root at once': async ({ hvd, tf, rank, ranks }) => {
    const results = ranks.map((root) => hvd.broadcastAsync(tf.fill([100], rank), { root }))
    for (const [root, result] of (await Promise.all(results)).entries())
      expectEqual(result, Array(100).fill(root), [100], 'float32')
  },

  'broadcastObject: from every root': ({ hvd, rank, ranks }) => {
    for (const root of ranks) {
      const value = { hello: 123, list: [1, { root }], text: 'é'.repeat(1000 * (root + 1)) }
      expectSame(hvd.broadcastObject(rank === root ? value : {}, { root }), value)
    }
    expectSame(hvd.broadcastObject(undefined) ?? null, null)
  },

  ...Object.fromEntries(
    ALL.flatMap((dtype) => [
      [
        `alltoall of ${dtype}: uneven splits`,
        (world: World) => exchanges(world, (from, to) => from + 2 * to + 1, dtype),
      ],
      [`alltoall of ${dtype}: equal parts are the default`, (world: World) => exchanges(world, undefined, dtype)],
    ]),
  ),

  'alltoall: splits of zero': (world) => {
    const active = (rank: number) => rank < Math.ceil(world.size / 2)
    exchanges(world, (from, to) => (active(from) && active(to) ? 1 : 0), 'int32')
    exchanges(world, () => 0, 'float32')
  },

  'alltoall: a rank that sends nothing, and one that receives nothing': (world) => {
    for (const other of world.ranks) {
      exchanges(world, (from) => (from === other ? 0 : 2), 'float32')
      exchanges(world, (_, to) => (to === other ? 0 : 2), 'float32')
    }
  },

  'alltoall: many rows': (world) => exchanges(world, (from, to) => 20_000 + from - to, 'float32', [[1]]),

  'alltoall, asynchronous: several at once': async ({ hvd, tf, rank, size, ranks }) => {
    const pending = range(5).map((i) => hvd.alltoallAsync(tf.add(tf.range(0, size * 2), 100 * rank + 1000 * i)))
    for (const [i, { output, receivedSplits }] of (await Promise.all(pending)).entries()) {
      const expected = ranks.flatMap((from) => [0, 1].map((row) => 2 * rank + row + 100 * from + 1000 * i))
      expectEqual(output, expected, [2 * size], 'float32')
      expectSame(receivedSplits, Array(size).fill(2))
    }
  },

  'barrier: nobody goes on before all are there': manyRanks(async ({ hvd, rank, ranks }) => {
    for (const late of ranks) {
      if (rank === late) await pause(60)
      const came = Date.now() // all are on one host, by one clock
      hvd.barrier()
      const times = hvd.allgatherObject({ came, went: Date.now() })
      const [last, first] = [Math.max(...times.map(({ came }) => came)), Math.min(...times.map(({ went }) => went))]
      if (first < last) throw new Error(`one went on ${last - first} ms before the last came`)
    }
  }),

  'barrier: while other operations are under way': async ({ hvd, tf, size }) => {
    const [identity, zeros] = [tf.eye(5), tf.zeros([5, 5])]
    const pending = [
      hvd.broadcastAsync(tf.eye(3)),
      hvd.allgatherAsync(identity),
      hvd.allgatherAsync(zeros),
      hvd.allreduceAsync(identity),
    ]
    hvd.barrier()
    const [eye, rows, , mean] = await Promise.all(pending)
    expectEqual(eye!, tf.eye(3).dataSync(), [3, 3], 'float32')
    expectEqual(mean!, identity.dataSync(), [5, 5], 'float32')
    expectSame(rows!.shape, [5 * size, 5])
  },
}

/** Each rank sends `rows(from, to)` rows of its own to each other; 3 where it is not given. */
function exchanges(
  world: World,
  rows: ((from: number, to: number) => number) | undefined,
  dtype: DataType,
  shapes = SHAPES,
): void {
  const { hvd, rank, ranks } = world
  const count = rows ?? (() => 3)
  for (const [seed, [, ...row]] of shapes.entries()) {
    /** Where a rank's rows for each other begin, in rows. */
    const start = (from: number, to: number) => total(range(to).map((other) => count(from, other)))
    const numbers = (from: number) => integers(10 * seed + from, start(from, world.size) * sizeOf(row))
    const splits = rows && ranks.map((to) => rows(rank, to))
    const own = tensorOf(world, numbers(rank), [start(rank, world.size), ...row], dtype)
    const { output, receivedSplits } = hvd.alltoall(own, splits)
    expectSame(
      receivedSplits,
      ranks.map((from) => count(from, rank)),
    )
    const width = sizeOf(row) * (dtype === 'complex64' ? 2 : 1)
    const expected = ranks.flatMap((from) =>
      valuesOf(numbers(from), dtype).slice(start(from, rank) * width, start(from, rank + 1) * width),
    )
    expectEqual(output, expected, [total(receivedSplits), ...row], dtype)
  }
}
