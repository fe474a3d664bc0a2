import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectNoLeak, expectNoReadBack } from '@unet-internal/testing'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as hvd from '../src'
import { environmentOf, Mirror } from './mirror'

afterEach(() => hvd.shutdown())
const data = async (tensor: tf.Tensor) => [...(await tensor.data())]

describe('init', () => {
  test('takes the place that the launcher announced; a second one changes nothing', async () => {
    expect(hvd.isInitialized()).toBe(false)
    await hvd.init({ environment: {} })
    await hvd.init({ environment: environmentOf(2) })
    expect(hvd.isInitialized()).toBe(true)
    expect([hvd.rank(), hvd.size(), hvd.localRank(), hvd.localSize(), hvd.crossRank(), hvd.crossSize()]).toEqual([
      0, 1, 0, 1, 0, 1,
    ])
    await hvd.shutdown()
    expect(hvd.isInitialized()).toBe(false)
  })

  test('a world of more than one needs a transport', async () => {
    const environment = { OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '4' }
    const message =
      /got a world of 4 processes \(OMPI_COMM_WORLD_SIZE\), expected 1: this version of horovod-lite runs one process; start it without/
    await expect(hvd.init({ environment })).rejects.toThrow(message)
    expect(hvd.isInitialized()).toBe(false)
    await expect(hvd.init({ environment: { WORLD_SIZE: '1' } })).rejects.toThrow(/without RANK/)
    await hvd.init({ environment, transport: new Mirror(4) })
    expect([hvd.rank(), hvd.size()]).toEqual([1, 4])
  })

  test('works without waiting for it, in one process', () => {
    void hvd.init()
    expect(hvd.size()).toBe(1)
  })

  const tensor = () => tf.ones([1])
  test.each<[string, () => unknown]>([
    ['rank', () => hvd.rank()],
    ['size', () => hvd.size()],
    ['localRank', () => hvd.localRank()],
    ['localSize', () => hvd.localSize()],
    ['crossRank', () => hvd.crossRank()],
    ['crossSize', () => hvd.crossSize()],
    ['allreduce', () => hvd.allreduce(tensor())],
    ['allgather', () => hvd.allgather(tensor())],
    ['broadcast', () => hvd.broadcast(tensor())],
    ['broadcastObject', () => hvd.broadcastObject(1)],
    ['broadcastVariables', () => hvd.broadcastVariables([])],
    ['alltoall', () => hvd.alltoall(tensor())],
    ['barrier', () => hvd.barrier()],
    ['join', () => hvd.join()],
  ])('%s before it says so', (name, call) => {
    expect(() => tf.tidy(() => void call())).toThrow(`got ${name}() before init, expected init() first`)
  })
})

const dtypes = ['float32', 'int32', 'bool', 'string', 'complex64'] as const
const ops: hvd.ReduceOp[] = [hvd.Average, hvd.Sum, hvd.Min, hvd.Max, hvd.Product]

describeOnBackends('a world of one', () => {
  beforeEach(() => hvd.init({ environment: {} }))

  test.each(dtypes)('gives copies: %s, 1 to 3 dimensions of 17', (dtype) =>
    expectNoLeak(async () => {
      for (const rank of [1, 2, 3]) {
        const shape = Array<number>(rank).fill(17)
        const count = tf.util.sizeFromShape(shape)
        const numbers = Array.from({ length: count }, (_, i) => (dtype === 'bool' ? i % 2 : i - 5))
        const values = dtype === 'string' ? numbers.map(String) : numbers
        const tensor = tf.tidy(() =>
          dtype === 'complex64'
            ? tf.complex(tf.tensor(numbers, shape), tf.ones(shape))
            : tf.tensor(values, shape, dtype),
        )
        const copies = expectNoReadBack(() => [
          ...ops.map((op) => hvd.allreduce(tensor, { op })),
          ...hvd.groupedAllreduce([tensor, tensor]),
          hvd.allgather(tensor),
          hvd.broadcast(tensor),
          hvd.alltoall(tensor).output,
        ])
        for (const copy of copies) {
          expect(copy).not.toBe(tensor)
          expect([copy.dtype, copy.shape]).toEqual([dtype, shape])
          expect(await data(copy)).toEqual(await data(tensor))
        }
        tf.dispose([tensor, ...copies])
      }
    }),
  )

  test('scales before and after; whole numbers are truncated', () =>
    expectNoLeak(async () => {
      const [x, n] = [tf.tensor1d([1, -2.5]), tf.tensor1d([3, -5], 'int32')]
      const scaled = [
        hvd.allreduce(x, { prescaleFactor: 0.5, postscaleFactor: 3 }),
        hvd.allreduce(n, { prescaleFactor: 0.5 }),
      ]
      expect(await data(scaled[0]!)).toEqual([1.5, -3.75])
      expect(await data(scaled[1]!)).toEqual([1, -2])
      expect(scaled[1]!.dtype).toBe('int32')
      tf.dispose([x, n, scaled])
    }))

  test('broadcastObject gives an equal copy, broadcastVariables changes nothing', () =>
    expectNoLeak(async () => {
      const value = { step: 3, seen: new Map([['a', new Float32Array([1])]]) }
      const copy = hvd.broadcastObject(value)
      expect(copy).toEqual(value)
      expect(copy.seen).not.toBe(value.seen)
      const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
      expectNoReadBack(() => {
        hvd.broadcastVariables([variable])
        hvd.broadcastVariables({ variable })
      })
      expect(await data(variable)).toEqual([1, 2])
      variable.dispose()
      expect(hvd.barrier()).toBeUndefined()
      expect(hvd.join()).toBe(0)
    }))

  test('alltoall keeps all rows, and says so', () =>
    expectNoLeak(async () => {
      const tensor = tf.tensor2d([[1], [2], [3]])
      const { output, receivedSplits } = hvd.alltoall(tensor, [3])
      expect(await data(output)).toEqual([1, 2, 3])
      expect(receivedSplits).toEqual([3])
      for (const splits of [[2], [1, 2], [-3], [1.5]])
        expect(() => hvd.alltoall(tensor, splits)).toThrow(/splits: got \[.*\], expected 1 whole numbers with sum 3/)
      tf.dispose([tensor, output])
    }))

  test('refuses scalars that need rows, and roots that are not there', () =>
    tf.tidy(() => {
      expect(() => hvd.allgather(tf.scalar(1))).toThrow(/allgather: got a scalar/)
      expect(() => hvd.alltoall(tf.scalar(1))).toThrow(/alltoall: got a scalar/)
      for (const root of [1, -1, 0.5])
        expect(() => hvd.broadcast(tf.ones([1]), { root })).toThrow(`root: got ${root}, expected a rank from 0 to 0`)
    }))

  test.each([
    ['fp16', 10, -24, 65504],
    ['bf16', 7, -133, (2 - 2 ** -7) * 2 ** 127],
  ] as const)('compression %s gives the nearest number that it has', (compression, bits, tiniest, largest) => {
    const roundedTo = (x: number) => {
      const spacing = 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - bits, tiniest)
      return [Math.floor(x / spacing) * spacing, Math.ceil(x / spacing) * spacing, spacing] as const
    }
    const compress = (values: number[]) =>
      tf.tidy(() => [...hvd.allreduce(tf.tensor1d(values), { compression }).dataSync()])

    const number = fc.oneof(
      fc.float({ noNaN: true, min: Math.fround(-largest / 2), max: Math.fround(largest / 2) }),
      fc.float({ noNaN: true, min: -2, max: 2 }),
    )
    const normal = number.filter((x) => x !== 0 && Math.abs(x) > (compression === 'bf16' ? 2 ** -100 : 0))
    fc.assert(
      fc.property(fc.array(normal, { minLength: 1, maxLength: 50 }), (values) => {
        const got = compress(values)
        for (const [i, x] of values.entries()) {
          const [below, above, spacing] = roundedTo(x)
          expect([below, above]).toContain(got[i])
          expect(Math.abs(got[i]! - x)).toBeLessThanOrEqual(spacing / 2)
        }
        expect(compress(got)).toEqual(got) // what it has stays
      }),
      { numRuns: 200 },
    )
    const special = [0, Infinity, -Infinity, Number.NaN, largest, -largest]
    expect(compress(special)).toEqual(special)
    if (compression === 'fp16')
      expect(compress([65519, 65520, -1e30, 2 ** -26])).toEqual([65504, Infinity, -Infinity, 0])
    else expect(compress([3.4e38])).toEqual([Infinity])
    expect(tf.tidy(() => [...hvd.allreduce(tf.tensor1d([70001], 'int32'), { compression }).dataSync()])).toEqual([
      70001,
    ])
  })
})

describeOnBackends('a world of identical ranks', () => {
  test.each([2, 3])('of %i: averages, sums, products', (size) =>
    expectNoLeak(async () => {
      const transport = new Mirror(size)
      await hvd.init({ environment: environmentOf(size), transport })
      const tensor = tf.tensor1d([3, -2])
      const expected = {
        Average: [3, -2],
        Sum: [3 * size, -2 * size],
        Min: [3, -2],
        Max: [3, -2],
        Product: [3 ** size, (-2) ** size],
      }
      for (const op of ops) {
        const reduced = hvd.allreduce(tensor, { op })
        expect((await data(reduced)).map((x) => Math.round(x * 1e5) / 1e5)).toEqual(expected[op])
        reduced.dispose()
      }
      expect(transport.calls.map(({ op }) => op)).toEqual(['Sum', 'Sum', 'Min', 'Max', 'Product'])
      const gathered = hvd.allgather(tensor)
      expect(gathered.shape).toEqual([2 * size])
      expect(() => hvd.alltoall(tensor, [2])).toThrow(`expected ${size} whole numbers with sum 2`)
      tf.dispose([tensor, gathered])
      transport.dispose()
    }),
  )
})
