import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, it } from 'vitest'
import { expectLikeCpu } from './support/compare'
import { loadNative } from './support/native'
import { maker, shapes } from './support/values'

beforeAll(loadNative)

const runs = { numRuns: 40 }
const solid = shapes.filter((shape) => shape.length > 0)
const seeds = fc.nat(1000)

describe('kernels that move values equal the CPU backend', () => {
  it('transpose', () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }), seeds),
    )
    const property = fc.property(cases, ([shape, order, seed]) => {
      const x = maker(shape, seed)
      expectLikeCpu(() => tf.transpose(x(), order), `transpose([${shape}], [${order}])`)
    })
    fc.assert(property, runs)
  })

  it('concat and split', () => {
    const cases = solid.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.nat(shape.length - 1),
        sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        seed: seeds,
      }),
    )
    const property = fc.property(cases, ({ shape, axis, sizes, seed }) => {
      const parts = sizes.map((size, i) => maker(shape.with(axis, size), seed + i))
      const total = sizes.reduce((a, b) => a + b)
      const whole = maker(shape.with(axis, total), seed)
      const last = sizes.length - 1
      const what = `([${shape}], axis ${axis}, sizes [${sizes}])`
      const inputs = () => parts.map((part) => part())
      expectLikeCpu(() => tf.concat(inputs(), axis), `concat${what}`)
      expectLikeCpu(() => tf.split(whole(), sizes, axis)[0]!, `first part of split${what}`)
      expectLikeCpu(() => tf.split(whole(), sizes, axis)[last]!, `last part of split${what}`)
    })
    fc.assert(property, runs)
  })

  it('slice', () => {
    const cases = solid.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        ranges: fc.tuple(
          ...shape.map((side) =>
            fc.nat(side - 1).chain((from) => fc.tuple(fc.constant(from), fc.integer({ min: 1, max: side - from }))),
          ),
        ),
        seed: seeds,
      }),
    )
    const property = fc.property(cases, ({ shape, ranges, seed }) => {
      const [begin, size] = [ranges.map(([from]) => from), ranges.map(([, length]) => length)]
      const x = maker(shape, seed)
      expectLikeCpu(() => tf.slice(x(), begin, size), `slice([${shape}], [${begin}], [${size}])`)
    })
    fc.assert(property, runs)
  })

  it('pad', () => {
    const cases = solid.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        paddings: fc.tuple(...shape.map(() => fc.tuple(fc.nat(3), fc.nat(3)))),
        value: fc.constantFrom(0, -1.5),
        seed: seeds,
      }),
    )
    const property = fc.property(cases, ({ shape, paddings, value, seed }) => {
      const x = maker(shape, seed)
      expectLikeCpu(() => tf.pad(x(), paddings, value), `pad([${shape}], [${paddings.join(' ')}])`)
    })
    fc.assert(property, runs)
  })

  it('tile', () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })
      .chain((shape) =>
        fc.tuple(fc.constant(shape), fc.tuple(...shape.map(() => fc.integer({ min: 1, max: 3 }))), seeds),
      )
    const property = fc.property(cases, ([shape, reps, seed]) => {
      const x = maker(shape, seed)
      expectLikeCpu(() => tf.tile(x(), reps), `tile([${shape}], [${reps}])`)
    })
    fc.assert(property, runs)
  })
})
