import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectClose, expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Addon } from '../src/addon'
import { filled, loadNative, onEveryInstructionSet } from './support/native'
import { fieldsOf, type PoolingShape, reference, sizesOf } from './support/pooling'
import { randomFloats } from './support/random'

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

const upTo = (max: number) => fc.integer({ min: 1, max })
const channels = fc.oneof(upTo(257), fc.constantFrom(1, 16, 32))

/** Any pooling, windows that overlap and windows that miss the tensor included. */
const shapes: fc.Arbitrary<PoolingShape> = fc
  .record({
    batch: upTo(3),
    inHeight: upTo(17),
    inWidth: upTo(17),
    channels,
    filterHeight: upTo(5),
    filterWidth: upTo(5),
    strideHeight: upTo(4),
    strideWidth: upTo(4),
    dilationHeight: fc.oneof(fc.constant(1), upTo(3)),
    dilationWidth: fc.oneof(fc.constant(1), upTo(3)),
    padTop: fc.nat(4),
    padLeft: fc.nat(4),
    outHeight: upTo(12),
    outWidth: upTo(12),
  })
  .filter((s) => sizesOf(s).x + sizesOf(s).y < 50_000)

/** Few different values, so that maxima are often equal. */
const tied = (count: number, seed: number) => randomFloats(count, seed).map((v) => Math.round(4 * v) / 4)

describe('max-pooling kernels', () => {
  it('agree with the definition, with the same bits for any number of threads', () => {
    fc.assert(
      fc.property(shapes, (s) => {
        const sizes = sizesOf(s)
        const [x, dy] = [tied(sizes.x, 1), randomFloats(sizes.y, 2)]
        const want = reference(s, x, dy)
        const y = Float32Array.from(want.y)
        const ys = onEveryInstructionSet(filled(sizes.y, (out) => addon.maxPool(fieldsOf(s), x, out)))
        for (const [isa, values] of ys) expectClose(values, want.y, { relative: 0 }, `${isa} y`)
        const dxs = onEveryInstructionSet(filled(sizes.x, (out) => addon.maxPoolGrad(fieldsOf(s), x, y, dy, out)))
        for (const [isa, values] of dxs) expectClose(values, want.dx, { relative: 1e-6, absolute: 1e-6 }, `${isa} dx`)
      }),
      { numRuns: 120 },
    )
  })

  it('skip NaN, and give −∞ and no gradient where a window holds nothing else', () => {
    const s: PoolingShape = {
      ...{ batch: 1, inHeight: 1, inWidth: 4, outHeight: 1, outWidth: 2, channels: 1 },
      ...{ filterHeight: 1, filterWidth: 2, strideHeight: 1, strideWidth: 2, dilationHeight: 1, dilationWidth: 1 },
      ...{ padTop: 0, padLeft: 0 },
    }
    const [x, dy] = [Float32Array.of(Number.NaN, -3, Number.NaN, Number.NaN), Float32Array.of(5, 7)]
    for (const y of onEveryInstructionSet(filled(2, (out) => addon.maxPool(fieldsOf(s), x, out))).values())
      expect([...y]).toEqual([-3, Number.NEGATIVE_INFINITY])
    const y = Float32Array.of(-3, Number.NEGATIVE_INFINITY)
    for (const dx of onEveryInstructionSet(filled(4, (out) => addon.maxPoolGrad(fieldsOf(s), x, y, dy, out))).values())
      expect([...dx]).toEqual([0, 5, 0, 0])
  })
})

describe('tf.maxPool and its gradient on native', () => {
  const poolings = fc
    .record({
      x: fc.tuple(upTo(2), upTo(12), upTo(12), channels),
      filter: fc.tuple(upTo(4), upTo(4)),
      strides: fc.tuple(upTo(3), upTo(3)),
      pad: fc.constantFrom('same' as const, 'valid' as const),
    })
    .filter(({ x, filter, pad }) => pad === 'same' || (x[1] >= filter[0] && x[2] >= filter[1]))
    .filter(({ x }) => tf.util.sizeFromShape(x) < 20_000)

  it('agree with the CPU backend', async () => {
    await fc.assert(
      fc.asyncProperty(poolings, async ({ x: shape, filter, strides, pad }) => {
        const compute = () =>
          tf.tidy(() => {
            const x = tf.tensor4d(tied(tf.util.sizeFromShape(shape), 1), shape)
            const pool = (t: tf.Tensor) => tf.maxPool(t as tf.Tensor4D, filter, strides, pad)
            const y = pool(x)
            return [y, tf.grad(pool)(x, tf.tensor(randomFloats(y.size, 2), y.shape))].map((t) => t.dataSync())
          })
        await tf.setBackend('cpu')
        const want = compute()
        await tf.setBackend('native')
        const got = await expectNoLeak(compute)
        for (const [i, values] of got.entries())
          expectClose(values, want[i]!, { relative: 1e-6, absolute: 1e-6 }, ['y', 'dx'][i])
      }),
      { numRuns: 60 },
    )
  })
})
