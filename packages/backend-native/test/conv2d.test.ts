import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectClose, expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Addon } from '../src/addon'
import { type ConvolutionShape, errorsOf, expectSums, fieldsOf, reference, sizesOf } from './support/convolution'
import { filled, instructionSets, loadNative, onEveryInstructionSet, withKernels } from './support/native'
import { randomFloats } from './support/random'

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

const LINEAR = 0
/** Of the sum of the products' magnitudes; one rounding of a sum is 0.06e-6 of it. */
const ROUNDING = 1e-6

const channels = fc.oneof(fc.integer({ min: 1, max: 257 }), fc.constantFrom(1, 3, 16, 32, 48, 64, 80, 128))
const upTo = (max: number) => fc.integer({ min: 1, max })

/** Any convolution whose work is small enough for the reference. */
const shapes: fc.Arbitrary<ConvolutionShape> = fc
  .record({
    batch: upTo(3),
    inHeight: upTo(19),
    inWidth: fc.oneof(upTo(19), upTo(70)),
    inChannels: channels,
    outChannels: channels,
    filterHeight: upTo(5),
    filterWidth: upTo(5),
    strideHeight: fc.oneof(fc.constant(1), upTo(3)),
    strideWidth: fc.oneof(fc.constant(1), upTo(3)),
    dilationHeight: fc.oneof(fc.constant(1), upTo(3)),
    dilationWidth: fc.oneof(fc.constant(1), upTo(3)),
    padTop: fc.nat(5),
    padLeft: fc.nat(5),
    padBottom: fc.nat(5),
    padRight: fc.nat(5),
  })
  .map(({ padBottom, padRight, ...s }) => {
    const free = (size: number, pads: number, filter: number, dilation: number) =>
      size + pads - (filter - 1) * dilation - 1
    const [height, width] = [
      free(s.inHeight, s.padTop + padBottom, s.filterHeight, s.dilationHeight),
      free(s.inWidth, s.padLeft + padRight, s.filterWidth, s.dilationWidth),
    ]
    return {
      ...s,
      outHeight: Math.floor(height / s.strideHeight) + 1,
      outWidth: Math.floor(width / s.strideWidth) + 1,
    }
  })
  .filter((s) => s.outHeight > 0 && s.outWidth > 0)
  .filter((s) => sizesOf(s).y * s.filterHeight * s.filterWidth * s.inChannels < 2e6)

const data = (s: ConvolutionShape, seed = 1) => {
  const sizes = sizesOf(s)
  const [x, filter, dy] = [
    randomFloats(sizes.x, seed),
    randomFloats(sizes.filter, seed + 1),
    randomFloats(sizes.y, seed + 2),
  ]
  return { sizes, x, filter, dy, fields: fieldsOf(s) }
}

describe('convolution kernels', () => {
  it('agree with the definition for any size, stride, dilation, padding and channels, with the same bits for any number of threads', () => {
    fc.assert(
      fc.property(shapes, (s) => {
        const { sizes, x, filter, dy, fields } = data(s)
        const want = reference(s, x, filter, dy)
        const got = {
          y: filled(sizes.y, (y) => addon.conv2d(fields, x, filter, null, LINEAR, 0, y)),
          dx: filled(sizes.x, (dx) => addon.conv2dBackpropInput(fields, dy, filter, dx)),
          dfilter: filled(sizes.filter, (dfilter) => addon.conv2dBackpropFilter(fields, x, dy, dfilter)),
        }
        for (const what of ['y', 'dx', 'dfilter'] as const)
          for (const [isa, values] of onEveryInstructionSet(got[what]))
            expectSums(values, want[what], ROUNDING, `${isa} ${what}`)
      }),
      { numRuns: 120 },
    )
  })

  it('add the bias and apply the activation', () => {
    const s = { ...square(7, 20, 37, 3), batch: 2 }
    const { sizes, x, filter, fields } = data(s)
    const bias = randomFloats(s.outChannels, 9)
    const sums = withKernels(
      instructionSets[0]!,
      1,
      filled(sizes.y, (y) => addon.conv2d(fields, x, filter, null, LINEAR, 0, y)),
    )
    const activations: Record<string, (v: number) => number> = {
      linear: (v) => v,
      relu: (v) => Math.max(0, v),
      relu6: (v) => Math.min(6, Math.max(0, v)),
      leakyrelu: (v) => (v < 0 ? 0.3 * v : v),
      elu: (v) => (v < 0 ? Math.expm1(v) : v),
      sigmoid: (v) => 1 / (1 + Math.exp(-v)),
    }
    expect(Object.keys(activations).sort()).toEqual([...addon.activations].sort())
    for (const [name, activate] of Object.entries(activations)) {
      const want = Array.from(sums, (v, i) => activate(v + bias[i % s.outChannels]!))
      const code = addon.activations.indexOf(name)
      const got = onEveryInstructionSet(filled(sizes.y, (y) => addon.conv2d(fields, x, filter, bias, code, 0.3, y)))
      for (const [isa, values] of got) expectClose(values, want, { relative: 1e-5, absolute: 1e-5 }, `${isa} ${name}`)
    }
  })

  it('pass NaN through ReLU', () => {
    const s = square(9, 16, 32, 3)
    const { sizes, x, filter, fields } = data(s)
    x[(4 * 9 + 4) * 16] = Number.NaN
    const relu = addon.activations.indexOf('relu')
    for (const values of onEveryInstructionSet(
      filled(sizes.y, (y) => addon.conv2d(fields, x, filter, null, relu, 0, y)),
    ).values()) {
      const pixels = [...Array(81).keys()].filter((pixel) => Number.isNaN(values[pixel * 32]))
      expect(pixels).toEqual([30, 31, 32, 39, 40, 41, 48, 49, 50])
    }
  })
})

/** A convolution with stride 1 that keeps the size, as every one of TinyUNet. */
function square(size: number, inChannels: number, outChannels: number, filter: number): ConvolutionShape {
  const pad = Math.floor((filter - 1) / 2)
  return {
    ...{ batch: 1, inHeight: size, inWidth: size, inChannels, outHeight: size, outWidth: size, outChannels },
    ...{ filterHeight: filter, filterWidth: filter, strideHeight: 1, strideWidth: 1 },
    ...{ dilationHeight: 1, dilationWidth: 1, padTop: pad, padLeft: pad },
  }
}

describe('accuracy of convolutions, against double precision', () => {
  // Root mean square and largest error, both over the reference's root mean square.
  const bounds = { y: { rms: 1e-6, max: 1e-5 }, dx: { rms: 1e-6, max: 1e-5 }, dfilter: { rms: 6e-7, max: 4e-6 } }

  it.each([
    [96, 16, 16, 3],
    [32, 48, 32, 3],
    [24, 64, 64, 2],
    [8, 128, 256, 3],
    [128, 1, 32, 3],
    [96, 32, 1, 1],
  ])('%d² pixels, %d to %d channels, filter %d²', (size, inChannels, outChannels, filterSize) => {
    const s = square(size, inChannels, outChannels, filterSize)
    const { sizes, x, filter, dy, fields } = data(s)
    const want = reference(s, x, filter, dy)
    for (const isa of instructionSets) {
      const got = {
        y: filled(sizes.y, (y) => addon.conv2d(fields, x, filter, null, LINEAR, 0, y)),
        dx: filled(sizes.x, (dx) => addon.conv2dBackpropInput(fields, dy, filter, dx)),
        dfilter: filled(sizes.filter, (dfilter) => addon.conv2dBackpropFilter(fields, x, dy, dfilter)),
      }
      for (const what of ['y', 'dx', 'dfilter'] as const) {
        const errors = errorsOf(withKernels(isa, 2, got[what]), want[what].values)
        expect(errors.rms, `${isa} ${what} rms`).toBeLessThan(bounds[what].rms)
        expect(errors.max, `${isa} ${what} max`).toBeLessThan(bounds[what].max)
      }
    }
  })
})

describe('tf.conv2d and its gradients on native', () => {
  const convolutions = fc
    .record({
      x: fc.tuple(upTo(2), upTo(13), upTo(13)),
      channels: fc.tuple(channels, channels),
      filter: fc.tuple(upTo(5), upTo(5)),
      strides: upTo(3),
      dilations: fc.constantFrom(1, 1, 2),
      pad: fc.oneof(
        fc.constantFrom('same' as const, 'valid' as const),
        fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
      ),
    })
    .filter(({ strides, dilations }) => strides === 1 || dilations === 1)
    .filter(({ x, filter, dilations, pad }) =>
      [0, 1].every((i) => pad === 'same' || x[i + 1]! > (filter[i]! - 1) * dilations),
    )
    .filter(({ x, channels: [a, b], filter }) => x[0] * x[1] * x[2] * a * b * filter[0] * filter[1] < 1e6)

  it('agree with the CPU backend', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const [xs, filters] = [
          [...c.x, c.channels[0]],
          [...c.filter, ...c.channels],
        ]
        const pad: tf.backend_util.ExplicitPadding | 'same' | 'valid' = Array.isArray(c.pad)
          ? [
              [0, 0],
              [c.pad[0], c.pad[1]],
              [c.pad[2], c.pad[3]],
              [0, 0],
            ]
          : c.pad
        const compute = () =>
          tf.tidy(() => {
            const x = tf.tensor4d(randomFloats(tf.util.sizeFromShape(xs), 1), xs as [number, number, number, number])
            const filter = tf.tensor4d(
              randomFloats(tf.util.sizeFromShape(filters), 2),
              filters as [number, number, number, number],
            )
            const conv = (a: tf.Tensor, b: tf.Tensor) =>
              tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c.strides, pad, 'NHWC', c.dilations)
            const y = conv(x, filter)
            const dy = tf.tensor(randomFloats(y.size, 3), y.shape)
            // tfjs has no gradient of a dilated convolution.
            const gradients = c.dilations === 1 ? tf.grads(conv)([x, filter], dy) : []
            return [y, ...gradients].map((t) => t.dataSync() as Float32Array)
          })
        await tf.setBackend('cpu')
        const want = compute()
        await tf.setBackend('native')
        const got = await expectNoLeak(compute)
        for (const [i, values] of got.entries()) {
          const scale = want[i]!.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1)
          expectClose(values, want[i]!, { relative: 1e-5, relative_to: scale }, ['y', 'dx', 'dfilter'][i])
        }
      }),
      { numRuns: 40 },
    )
  })
})
