import * as tf from '@tensorflow/tfjs-core'
import { expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectEach, expectLikeCpu, valuesOn, within } from './support/compare'
import { loadNative } from './support/native'
import { anyFloats, maker, shapes, sizeOf } from './support/values'

beforeAll(loadNative)

const runs = { numRuns: 40 }

/** A shape and two that broadcast to it: leading dimensions left out, others of size 1. */
const broadcasts = shapes.chain((shape) =>
  fc
    .record({
      drop: fc.tuple(fc.nat(shape.length), fc.nat(shape.length)),
      ones: fc.tuple(
        fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
        fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      ),
      plain: fc.constantFrom(0, 1, 2), // which of the two is the whole shape; 2: neither
    })
    .map(({ drop, ones, plain }) =>
      [0, 1].map((which) =>
        which === plain ? shape : shape.map((side, i) => (ones[which]![i] ? 1 : side)).slice(drop[which]!),
      ),
    ),
)

const binary = { add: tf.add, sub: tf.sub, mul: tf.mul, div: tf.div, maximum: tf.maximum, minimum: tf.minimum }
const comparisons = {
  equal: tf.equal,
  notEqual: tf.notEqual,
  greater: tf.greater,
  greaterEqual: tf.greaterEqual,
  less: tf.less,
  lessEqual: tf.lessEqual,
}

describe('arithmetic over shapes that broadcast', () => {
  it.each(Object.entries({ ...binary, ...comparisons }))('%s equals the CPU backend', (name, operation) => {
    fc.assert(
      fc.property(broadcasts, fc.nat(1000), ([a, b], seed) => {
        const [x, y] = [maker(a!, seed), maker(b!, seed + 9)]
        expectLikeCpu(() => operation(x(), y()), `${name}([${a}], [${b}])`)
      }),
      runs,
    )
  })

  it.each(Object.entries({ squaredDifference: tf.squaredDifference, prelu: tf.prelu }))(
    '%s is within two roundings of the CPU backend',
    (name, operation) => {
      fc.assert(
        fc.property(broadcasts, fc.nat(1000), ([a, b], seed) => {
          if (name === 'prelu' && b!.length > a!.length) return // its output has x's shape
          const [x, y] = [maker(a!, seed), maker(b!, seed + 9)]
          const broadcast = () => {
            const [u, v] = [x(), y()].map((t) => tf.clipByValue(t, -1e15, 1e15) as tf.Tensor4D) // no overflow
            return operation(u!, v!)
          }
          expectLikeCpu(broadcast, `${name}([${a}], [${b}])`, within(2.5e-7, 1e-37))
        }),
        runs,
      )
    },
  )
})

const unary: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  abs: tf.abs,
  leakyRelu: (x) => tf.leakyRelu(x, 0.3),
  neg: tf.neg,
  relu: tf.relu,
  relu6: tf.relu6,
  step: (x) => tf.step(x, 0.25),
  zerosLike: tf.zerosLike,
  onesLike: tf.onesLike,
  addN: (x) => tf.addN([x, tf.neg(tf.square(x)), x]),
  where: (x) => tf.where(tf.greater(x, 1), x, tf.neg(x)),
  castBool: (x) => tf.cast(tf.greater(x, 0), 'float32'),
  castInt: (x) => tf.cast(tf.cast(tf.clipByValue(tf.where(tf.isNaN(x), 0, x), -1e9, 1e9), 'int32'), 'float32'),
  fill: (x) => tf.fill(x.shape, 0.7),
}

describe('one input', () => {
  it.each(Object.entries(unary))('%s equals the CPU backend', (name, operation) => {
    fc.assert(
      fc.property(shapes, fc.nat(1000), (shape, seed) => {
        const near = name === 'addN' || name === 'leakyRelu' ? within(3e-7, 1e-37) : undefined
        const x = maker(shape, seed)
        expectLikeCpu(() => operation(x()), `${name}([${shape}])`, near)
      }),
      runs,
    )
  })

  it('leaves other dtypes to the CPU backend', async () => {
    await expectNoLeak(() => {
      const total = valuesOn('native', () => tf.add(tf.tensor1d([1, 2], 'int32'), tf.scalar(3, 'int32')))
      expect(total).toEqual(Int32Array.of(4, 5))
    })
  })
})

describe('ReluGrad', () => {
  it('is dy where the output of the ReLU is positive', () => {
    fc.assert(
      fc.property(shapes, fc.nat(1000), (shape, seed) => {
        const [dy, y] = [anyFloats(sizeOf(shape), seed), anyFloats(sizeOf(shape), seed + 5)]
        const got = valuesOn('native', () =>
          tf.engine().runKernel('ReluGrad', { dy: tf.tensor(dy, shape), y: tf.tensor(y, shape) }),
        )
        expectEach(
          got,
          dy.map((g, i) => (y[i]! > 0 ? g : 0)),
          'ReluGrad',
        )
      }),
      runs,
    )
  })
})
