import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectNoLeak, expectNoReadBack } from '@unet-internal/testing'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as hvd from '../../src'

afterEach(() => hvd.shutdown())
const data = async (tensor: tf.Tensor) => [...(await tensor.data())]

describe('init', () => {
  test('takes the place that the launcher announced; a second one changes nothing', async () => {
    expect(hvd.isInitialized()).toBe(false)
    await hvd.init({ environment: {} })
    await hvd.init({ environment: { HOROVOD_RANK: '0', HOROVOD_SIZE: '2' } })
    expect(hvd.isInitialized()).toBe(true)
    expect([hvd.rank(), hvd.size(), hvd.localRank(), hvd.localSize(), hvd.crossRank(), hvd.crossSize()]).toEqual([
      0, 1, 0, 1, 0, 1,
    ])
    await hvd.shutdown()
    expect(hvd.isInitialized()).toBe(false)
  })

  test('half a world', () => expect(hvd.init({ environment: { WORLD_SIZE: '1' } })).rejects.toThrow(/without RANK/))

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

const all: hvd.ReduceOp[] = [hvd.Average, hvd.Sum, hvd.Min, hvd.Max, hvd.Product]
const ops: Record<'float32' | 'int32' | 'bool' | 'string' | 'complex64', hvd.ReduceOp[]> = {
  float32: all,
  int32: all,
  bool: [hvd.Sum, hvd.Min, hvd.Max, hvd.Product],
  complex64: [hvd.Average, hvd.Sum],
  string: [],
}
const dtypes = Object.keys(ops) as (keyof typeof ops)[]

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
          ...ops[dtype].flatMap((op) => [
            hvd.allreduce(tensor, { op }),
            ...hvd.groupedAllreduce([tensor, tensor], { op }),
          ]),
          hvd.allgather(tensor),
          hvd.broadcast(tensor),
          hvd.alltoall(tensor).output,
        ])
        for (const copy of copies) {
          expect(copy).not.toBe(tensor)
          expect([copy.dtype, copy.shape]).toEqual([dtype, shape])
          expect(await data(copy)).toEqual(await data(tensor))
        }
        const asyncs = await Promise.all([
          hvd.allgatherAsync(tensor),
          hvd.broadcastAsync(tensor),
          hvd.alltoallAsync(tensor).then(({ output }) => output),
          ...ops[dtype].map((op) => hvd.allreduceAsync(tensor, { op })),
        ])
        for (const copy of asyncs) expect(await data(copy)).toEqual(await data(tensor))
        for (const op of all.filter((op) => !ops[dtype].includes(op)))
          expect(() => hvd.allreduce(tensor, { op })).toThrow(`allreduce: got ${op} of a ${dtype} tensor, expected`)
        tf.dispose([tensor, ...copies, ...asyncs])
      }
    }),
  )

  test('gradients are those of copies', () =>
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2], [3, 4]]) // biome-ignore format: a matrix
      const ways: [number, (x: tf.Tensor) => tf.Tensor][] = [
        [1, (x) => hvd.allreduce(x)],
        [6, (x) => hvd.allreduce(x, { op: hvd.Sum, prescaleFactor: 2, postscaleFactor: 3 })],
        [1, (x) => hvd.allgather(x)],
        [1, (x) => hvd.broadcast(x)],
        [1, (x) => hvd.alltoall(x).output],
      ]
      for (const [factor, way] of ways) {
        const gradient = tf.grad((x) => tf.sum(tf.mul(way(x), tf.square(way(x)))))(x)
        expect([...gradient.dataSync()]).toEqual([1, 2, 3, 4].map((value) => 3 * value ** 2 * factor ** 3))
      }
    }))

  test('scales before and after; whole numbers are truncated', () =>
    expectNoLeak(async () => {
      const [x, n] = [tf.tensor1d([1, -2.5]), tf.tensor1d([3, -5, 2 ** 25 + 1], 'int32')]
      const scaled = [
        hvd.allreduce(x, { prescaleFactor: 0.5, postscaleFactor: 3 }),
        hvd.allreduce(n, { prescaleFactor: 0.5 }),
        hvd.allreduce(n, { prescaleFactor: 3 }),
      ]
      expect(await data(scaled[0]!)).toEqual([1.5, -3.75])
      expect(await data(scaled[1]!)).toEqual([1, -2, 2 ** 24])
      expect(await data(scaled[2]!)).toEqual([9, -15, 3 * 2 ** 25 + 3])
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

  test('refuses factors that are no numbers, compressions that are none, and names that do not fit', () =>
    tf.tidy(() => {
      const one = tf.scalar(1)
      for (const factor of [Number.NaN, Number.POSITIVE_INFINITY])
        for (const what of ['prescaleFactor', 'postscaleFactor'])
          expect(() => hvd.allreduce(one, { [what]: factor })).toThrow(
            `${what}: got ${factor}, expected a finite number`,
          )
      expect(() => hvd.allreduce(one, { compression: 'fp32' as 'fp16' })).toThrow(
        'compression: got fp32, expected none, fp16 or bf16',
      )
      expect(() => hvd.groupedAllreduce([one, one], { names: ['a'] })).toThrow(
        'names: got 1 for 2 tensors, expected one for each',
      )
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
