import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Addon } from '../src/addon'
import { expectEach, expectLikeCpu, valuesOn, within } from './support/compare'
import { filled, loadNative, onEveryInstructionSet } from './support/native'
import { randomFloats } from './support/random'
import { anyFloats, shapes, sizeOf } from './support/values'

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

/** A shape and some of its axes, in any order. */
const reductions = shapes.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.subarray([...shape.keys()]).chain((axes) => fc.shuffledSubarray(axes, { minLength: axes.length })),
    keepDims: fc.boolean(),
    seed: fc.nat(1000),
  }),
)

describe('reductions', () => {
  it.each(Object.entries({ max: tf.max, min: tf.min }))('%s equals the CPU backend, NaN and ±∞ too', (name, reduce) => {
    fc.assert(
      fc.property(reductions, ({ shape, axes, keepDims, seed }) => {
        const x = anyFloats(sizeOf(shape), seed)
        expectLikeCpu(() => reduce(tf.tensor(x, shape), axes, keepDims), `${name}([${shape}], [${axes}])`)
      }),
    )
  })

  it.each(Object.entries({ sum: tf.sum, mean: tf.mean }))(
    '%s is within a few roundings of the CPU backend',
    (name, reduce) => {
      fc.assert(
        fc.property(reductions, ({ shape, axes, keepDims, seed }) => {
          const x = randomFloats(sizeOf(shape), seed)
          const scale = name === 'sum' ? Math.sqrt(sizeOf(shape)) : 1 // a sum may cancel
          const near = within(1e-6, scale)
          expectLikeCpu(() => reduce(tf.tensor(x, shape), axes, keepDims), `${name}([${shape}], [${axes}])`, near)
        }),
      )
    },
  )

  it('gives the shape of TensorFlow', () => {
    valuesOn('native', () => {
      const x = tf.ones([2, 3, 4, 5])
      expect(tf.sum(x, [0, 2], true).shape).toEqual([1, 3, 1, 5])
      expect(tf.sum(x, [-1, 1]).shape).toEqual([2, 4])
      return tf.sum(x)
    })
  })

  it.each([
    ['all of', 1, 3_000_001, 1],
    ['the rows of', 3, 700_001, 1],
    ['the pixels of', 1, 90_001, 32],
    ['the pixels of', 2, 30_001, 5],
    ['the pixels of', 1, 2_001, 257],
  ])(
    'sums %s [%i, %i, %i] to float32 precision, with the same bits for any number of threads',
    (_, outer, reduced, inner) => {
      const x = randomFloats(outer * reduced * inner, 7).map((v) => v + 1) // no cancellation: errors would pile up
      const want = new Float64Array(outer * inner)
      x.forEach((v, i) => {
        const row = Math.floor(i / inner / reduced)
        want[row * inner + (i % inner)]! += v
      })
      const sum = addon.reduceOps.indexOf('sum')
      const compute = filled(outer * inner, (y) => addon.reduce(sum, outer, reduced, inner, x, y))
      for (const [isa, got] of onEveryInstructionSet(compute)) expectEach(got, want, isa, within(3e-7))
    },
  )
})

describe('BiasAddGrad', () => {
  it('is the sum over all dimensions but the last', () => {
    fc.assert(
      fc.property(
        shapes.filter((shape) => shape.length > 0),
        fc.nat(1000),
        (shape, seed) => {
          const dy = randomFloats(sizeOf(shape), seed)
          const axes = shape.slice(0, -1).map((_, i) => i)
          const got = valuesOn('native', () => tf.engine().runKernel('BiasAddGrad', { dy: tf.tensor(dy, shape) }))
          const want = valuesOn('cpu', () => tf.sum(tf.tensor(dy, shape), axes))
          expectEach(got, want, `[${shape}]`, within(1e-6, Math.sqrt(dy.length)))
        },
      ),
    )
  })
})
