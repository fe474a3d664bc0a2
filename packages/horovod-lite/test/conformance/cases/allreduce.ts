import type { DataType } from '@tensorflow/tfjs-core'
import type { ReduceOp } from '@unet-industrial/horovod-lite'
import { pause } from '../../support/calls'
import type { Cases, World } from '../case'
import { manyRanks } from '../case'
import { DTYPES, REDUCTIONS, reduced } from '../references'
import {
  digest,
  expectClose,
  expectEqual,
  expectRaises,
  expectSame,
  integers,
  SHAPES,
  sizeOf,
  tensorOf,
  truth,
  valuesOf,
} from '../tools'

/** One rounding of a division or a multiplication by its inverse. */
const ROUNDING = 2 ** -23

/** Other numbers on each rank. */
function reducesExactly(world: World, op: ReduceOp, dtype: DataType): void {
  const { hvd, rank, ranks } = world
  for (const [seed, shape] of SHAPES.entries()) {
    const bound = op === 'Product' ? 8 : 100 // so that products stay exact
    const ofRanks = ranks.map((r) => integers(10 * seed + r, sizeOf(shape), -bound, bound))
    const result = hvd.allreduce(tensorOf(world, ofRanks[rank]!, shape, dtype), { op })
    const expected = reduced(op, ofRanks, dtype)
    if (op !== 'Average' || dtype === 'int32') expectEqual(result, valuesOf(expected, dtype), shape, dtype)
    else if (dtype === 'float32') expectClose(result, expected, shape, ROUNDING)
    else
      for (const [part, values] of [
        [world.tf.real(result), expected],
        [world.tf.imag(result), [...expected].reverse()],
      ] as const)
        expectClose(part, values, shape, ROUNDING)
  }
}

const ofEachDtype: Cases = Object.fromEntries(
  REDUCTIONS.flatMap(([dtype, ops]) =>
    ops.map((op) => [`allreduce: ${op} of ${dtype}`, (world: World) => reducesExactly(world, op, dtype)]),
  ),
)

export const allreduce: Cases = {
  ...ofEachDtype,

  'allreduce: the same tensor on every rank': (world) => {
    const { hvd, size } = world
    for (const dtype of DTYPES)
      for (const shape of SHAPES) {
        const values = integers(1234, sizeOf(shape))
        const summed = hvd.allreduce(tensorOf(world, values, shape, dtype), { op: hvd.Sum })
        const expected = dtype === 'bool' ? values.map(truth) : values.map((value) => value * size)
        expectEqual(summed, valuesOf(expected, dtype), shape, dtype)
      }
  },

  'allreduce: the average is the default': ({ hvd, tf, rank, size }) => {
    expectEqual(hvd.allreduce(tf.tensor1d([4 * size * rank])), [2 * size * (size - 1)], [1], 'float32')
  },

  'allreduce: scalars and tensors without numbers': ({ hvd, tf, rank, size }) => {
    expectEqual(hvd.allreduce(tf.scalar(rank), { op: 'Sum' }), [(size * (size - 1)) / 2], [], 'float32')
    expectEqual(hvd.allreduce(tf.zeros([0, 3], 'int32'), { op: 'Sum' }), [], [0, 3], 'int32')
  },

  'allreduce: arguments and results are tensors of their own': ({ hvd, tf, rank, size }) => {
    for (const count of [3, 40_000]) {
      const own = tf.fill([count], rank + 1)
      const summed = hvd.allreduce(own, { op: 'Sum' })
      expectEqual(own, Array(count).fill(rank + 1), [count], 'float32')
      own.dispose()
      expectEqual(summed, Array(count).fill((size * (size + 1)) / 2), [count], 'float32')
    }
  },

  'allreduce_: numbers where they are become what allreduce gives, to the bit': async ({ hvd, tf, rank }) => {
    const ways = [
      {},
      { op: 'Max' },
      { op: 'Sum', prescaleFactor: 0.37109375, postscaleFactor: 1.75 }, // exact in float32
      { compression: 'bf16' },
    ] as const
    for (const count of [0, 1, 1000, 100_003])
      for (const options of ways)
        for (const dtype of ['float32', 'int32'] as const) {
          const given = integers(7 * count + rank, count + 5)
          const all = dtype === 'int32' ? Int32Array.from(given) : Float32Array.from(given, (value) => value / 7)
          const [around, own] = [all.slice(0, 5), all.subarray(5)] // a part of a larger array
          const expected = hvd.allreduce(tf.tensor1d(own.slice(), dtype), options).dataSync()
          const later = own.slice()
          hvd.allreduce_(own, options)
          await hvd.allreduceAsync_(later, options)
          for (const got of [own, later]) expectSame(digest(got), digest(expected))
          expectSame([...all.subarray(0, 5)], [...around])
        }
  },

  'allreduce_: what it cannot reduce': (world) => {
    const { hvd, tf } = world
    const allreduce_ = hvd.allreduce_ as (values: unknown, options?: object) => void
    const expected = ', expected a Float32Array or an Int32Array$'
    for (const [values, got] of [
      [new Float64Array(3), 'Float64Array'],
      [tf.scalar(1), 'Object'],
      [undefined, 'Undefined'],
    ])
      expectRaises(world, () => allreduce_(values), new RegExp(`allreduce_: got ${got}${expected}`))
    expectRaises(world, () => allreduce_(new Int32Array(1), { op: 'Mean' }), /got Mean of a int32 tensor/)
    expectRaises(world, () => allreduce_(new Int32Array(1), { prescaleFactor: Number.NaN }), /prescaleFactor: got NaN/)
  },

  'allreduce: large tensors, and those of the sizes where the way changes': (world) => {
    const { hvd, rank, ranks } = world
    for (const dtype of DTYPES)
      for (const count of [16_383, 16_384, 16_385, 65_537]) {
        const ofRanks = ranks.map((r) => integers(count + r, count, -8, 8))
        const result = hvd.allreduce(tensorOf(world, ofRanks[rank]!, [count], dtype), { op: 'Sum' })
        expectEqual(result, valuesOf(reduced('Sum', ofRanks, dtype), dtype), [count], dtype)
      }
  },

  'allreduce: whole numbers wrap around': ({ hvd, tf, size }) => {
    const most = 2 ** 31 - 1
    const x = tf.tensor1d([most, -most - 1, 65_537], 'int32')
    const wrapped = [most, -most - 1, 65_537].map((value) => Number(BigInt.asIntN(32, BigInt(value) * BigInt(size))))
    expectEqual(hvd.allreduce(x, { op: 'Sum' }), wrapped, [3], 'int32')
    const factors = [most, 123_456_789, -987_654_321] // their products have more bits than a double
    const powers = factors.map((value) => Number(BigInt.asIntN(32, BigInt(value) ** BigInt(size))))
    expectEqual(hvd.allreduce(tf.tensor1d(factors, 'int32'), { op: 'Product' }), powers, [3], 'int32')
  },

  'allreduce: NaN and infinity of one rank reach all': ({ hvd, tf, rank, size }) => {
    const own = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]
    for (const count of [1, 20_000]) {
      const x = tf.tile(tf.tensor1d(rank === size - 1 ? own : [1, 1, 1, 1]), [count])
      for (const op of ['Sum', 'Average', 'Product'] as const) {
        const result = hvd.allreduce(x, { op })
        const rest = result.dataSync()[3]!
        const expected = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, rest]
        expectEqual(
          result,
          Array.from({ length: 4 * count }, (_, i) => expected[i % 4]!),
          [4 * count],
          'float32',
        )
      }
    }
  },

  'allreduce: NaN of one rank reaches all through Min and Max': ({ hvd, tf, rank, ranks }) => {
    for (const other of ranks)
      for (const op of ['Min', 'Max'] as const) {
        const x = tf.tensor1d(Array.from({ length: 19 }, (_, i) => (rank === other && i % 2 === 0 ? Number.NaN : i)))
        expectEqual(hvd.allreduce(x, { op }), range19, [19], 'float32')
      }
  },

  'allreduce: prescaled and postscaled': (world) => {
    const { hvd, size } = world
    const factor = 0.37109375 // exact in float32
    for (const shape of SHAPES) {
      const values = integers(1234, sizeOf(shape))
      const floats = tensorOf(world, values, shape, 'float32')
      const scaled = values.map((value) => value * factor * size) // exact
      expectEqual(hvd.allreduce(floats, { op: 'Sum', prescaleFactor: factor }), scaled, shape, 'float32')
      expectEqual(hvd.allreduce(floats, { op: 'Sum', postscaleFactor: factor }), scaled, shape, 'float32')
      const both = { op: 'Sum', prescaleFactor: factor, postscaleFactor: 0.5 } as const
      expectEqual(
        hvd.allreduce(floats, both),
        scaled.map((value) => value / 2),
        shape,
        'float32',
      )
      const whole = tensorOf(world, values, shape, 'int32')
      const before = values.map((value) => Math.trunc(value * factor) * size)
      expectEqual(hvd.allreduce(whole, { op: 'Sum', prescaleFactor: factor }), before, shape, 'int32')
      expectEqual(hvd.allreduce(whole, { op: 'Sum', postscaleFactor: factor }), scaled.map(Math.trunc), shape, 'int32')
    }
  },

  'allreduce: an average is scaled too': ({ hvd, tf, size }) => {
    const x = tf.fill([5], 3)
    const options = { prescaleFactor: 4 * size, postscaleFactor: 0.5 }
    expectClose(hvd.allreduce(x, options), Array(5).fill(6 * size), [5], ROUNDING)
  },

  'allreduce in a group: every dtype and shape at once': (world) => {
    const { hvd, rank, ranks } = world
    const all = DTYPES.flatMap((dtype) => SHAPES.map((shape) => ({ dtype, shape })))
    const numbers = (r: number, i: number) => integers(100 * i + r, sizeOf(all[i]!.shape))
    const tensors = all.map(({ dtype, shape }, i) => tensorOf(world, numbers(rank, i), shape, dtype))
    for (const [i, result] of hvd.groupedAllreduce(tensors, { op: 'Sum' }).entries()) {
      const { dtype, shape } = all[i]!
      const ofRanks = ranks.map((r) => numbers(r, i))
      expectEqual(result, valuesOf(reduced('Sum', ofRanks, dtype), dtype), shape, dtype)
    }
    expectSame(hvd.groupedAllreduce([]), [])
  },

  'allreduce in a group: average, minimum, maximum and product': (world) => {
    const { hvd, rank, ranks } = world
    for (const op of ['Average', 'Min', 'Max', 'Product'] as const) {
      const numbers = (r: number, i: number) => integers(20 * i + r, sizeOf(SHAPES[i]!), -8, 8)
      const tensors = SHAPES.map((shape, i) => tensorOf(world, numbers(rank, i), shape, 'float32'))
      for (const [i, result] of hvd.groupedAllreduce(tensors, { op }).entries()) {
        const ofRanks = ranks.map((r) => numbers(r, i))
        expectClose(result, reduced(op, ofRanks, 'float32'), SHAPES[i]!, op === 'Average' ? ROUNDING : 0)
      }
    }
  },

  'allreduce, asynchronous: many at once are fused': async (world) => {
    const { hvd, rank, ranks } = world
    const all = [...DTYPES, ...DTYPES].flatMap((dtype) => SHAPES.map((shape) => ({ dtype, shape })))
    const numbers = (r: number, i: number) => integers(7 * i + r, sizeOf(all[i]!.shape))
    const pending = all.map(({ dtype, shape }, i) =>
      hvd.allreduceAsync(tensorOf(world, numbers(rank, i), shape, dtype), { op: 'Sum' }),
    )
    for (const [i, result] of (await Promise.all(pending)).entries()) {
      const { dtype, shape } = all[i]!
      const ofRanks = ranks.map((r) => numbers(r, i))
      expectEqual(result, valuesOf(reduced('Sum', ofRanks, dtype), dtype), shape, dtype)
    }
  },

  'allreduce, asynchronous: goes on meanwhile': manyRanks(async ({ hvd, tf, rank, size }) => {
    const submit = () => hvd.allreduceAsync(tf.ones([3]), { op: 'Sum' })
    let pending = rank === 0 ? undefined : submit()
    let ended = false
    void pending?.then(() => {
      ended = true
    })
    await pause(20)
    expectSame(ended, false) // rank 0 has not submitted it
    hvd.barrier()
    pending ??= submit()
    expectEqual(await pending, [size, size, size], [3], 'float32')
  }),

  'allreduce, asynchronous: submitted in another order on each rank': async ({ hvd, tf, rank, size }) => {
    const names = Array.from({ length: 12 }, (_, i) => `tensor ${i}`)
    const order = names.map((_, i) => (i * 5 + rank * 7) % names.length)
    await Promise.all(
      order.map(async (i) => {
        const summed = await hvd.allreduceAsync(tf.fill([i + 1], i), { name: names[i], op: 'Sum' })
        expectEqual(summed, Array(i + 1).fill(i * size), [i + 1], 'float32')
      }),
    )
  },

  'allreduce: a name is used again, with other shapes, dtypes and reductions': (world) => {
    const { hvd, rank, ranks } = world
    for (let i = 0; i < 10; i++)
      for (const [dtype, ops] of REDUCTIONS) {
        const op = ops[i % ops.length]!
        if (op === 'Average') continue
        const ofRanks = ranks.map((r) => integers(r, i + 1, -8, 8))
        const result = hvd.allreduce(tensorOf(world, ofRanks[rank]!, [i + 1], dtype), { name: 'again', op })
        expectEqual(result, valuesOf(reduced(op, ofRanks, dtype), dtype), [i + 1], dtype)
      }
  },

  'allreduce: compressed numbers that half precision has are exact': (world) => {
    const { hvd, rank, ranks } = world
    for (const compression of ['fp16', 'bf16'] as const)
      for (const shape of SHAPES) {
        const ofRanks = ranks.map((r) => integers(r, sizeOf(shape), -32, 32))
        const x = tensorOf(world, ofRanks[rank]!, shape, 'float32')
        expectEqual(hvd.allreduce(x, { op: 'Sum', compression }), reduced('Sum', ofRanks, 'float32'), shape, 'float32')
        const whole = tensorOf(world, ofRanks[rank]!, shape, 'int32') // is never compressed
        expectEqual(hvd.allreduce(whole, { op: 'Sum', compression }), reduced('Sum', ofRanks, 'int32'), shape, 'int32')
      }
  },

  'allreduce: numbers at the ends of half precision are compressed right': ({ hvd, tf, rank, size }) => {
    const largest = 65_504
    const smallest = 2 ** -24
    const ends = [largest, -largest, 65_520, Number.POSITIVE_INFINITY, Number.NaN, smallest, -smallest, smallest / 4, 0]
    const x = tf.tensor1d(rank === size - 1 ? ends : ends.map(() => 0))
    const infinite = Number.POSITIVE_INFINITY
    const expected = [largest, -largest, infinite, infinite, Number.NaN, smallest, -smallest, 0, 0]
    expectEqual(hvd.allreduce(x, { op: 'Sum', compression: 'fp16' }), expected, [9], 'float32')
  },

  'allreduce: compressed numbers are rounded to half precision': ({ hvd, tf, size }) => {
    for (const count of [50, 70_000]) {
      const x = tf.add(1, tf.div(tf.range(0, count), count)) // 1 … 2
      const expected = x.dataSync().map((value) => value * size)
      for (const [compression, bits] of [
        ['fp16', 11],
        ['bf16', 8],
      ] as const)
        expectClose(hvd.allreduce(x, { op: 'Sum', compression }), expected, [count], size * 2 ** -bits)
    }
  },
}

/** Every other number is NaN. */
const range19 = Array.from({ length: 19 }, (_, i) => (i % 2 === 0 ? Number.NaN : i))
