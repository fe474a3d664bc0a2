// Where a net's blocked tensors begin and end: the convolution of an image of few channels, and the 1x1 head.
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { blockedSize, type Shape4, toBlocked, toDense } from './support/blocked'
import { expectEach } from './support/compare'
import { expectSums, reference, type Sums } from './support/convolution'
import { filled, onEveryInstructionSet } from './support/native'
import { addonHere, runInstruction } from './support/program'
import { randomFloats } from './support/random'

const LINEAR = addonHere().activations.indexOf('linear')

/** Errors over the sum of the products' magnitudes. */
const RELATIVE = 3e-7

const upTo = (max: number) => fc.integer({ min: 1, max })
/** batch, height, width */
const pixels: fc.Arbitrary<[number, number, number]> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(upTo(3), upTo(21), upTo(21)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant(1), upTo(2), fc.integer({ min: 500, max: 530 })) },
)
const blocks = upTo(4)

/** ConvolutionShape of stride 1 and SAME. */
const convolution = (
  [batch, height, width]: [number, number, number],
  side: number,
  inChannels: number,
  outChannels: number,
) => ({
  ...{ batch, inHeight: height, inWidth: width, inChannels, outHeight: height, outWidth: width, outChannels },
  ...{ filterHeight: side, filterWidth: side, strideHeight: 1, strideWidth: 1, dilationHeight: 1, dilationWidth: 1 },
  ...{ padTop: (side - 1) / 2, padLeft: (side - 1) / 2 },
})

/** With the bias as one product more. */
const plus = (sums: Sums, bias: Float32Array): Sums => ({
  values: sums.values.map((value, i) => value + bias[i % bias.length]!),
  magnitudes: sums.magnitudes.map((value, i) => value + Math.abs(bias[i % bias.length]!)),
})

/** Sums over pixels of [pixels][channels]. */
function channelSums(dy: Float32Array, channels: number): Sums {
  const [values, magnitudes] = [new Float64Array(channels), new Float64Array(channels)]
  dy.forEach((value, i) => {
    values[i % channels]! += value
    magnitudes[i % channels]! += Math.abs(value)
  })
  return { values, magnitudes }
}

/** Several outputs of one instruction as one array, and its parts. */
const parts = (out: Float32Array, sizes: readonly number[]) =>
  sizes.map((size, i) => {
    const from = sizes.slice(0, i).reduce((sum, before) => sum + before, 0)
    return out.subarray(from, from + size)
  })

describe('3x3 convolution of an image of few channels', () => {
  const cases = fc.record({ pixels, depth: upTo(4), blocks, biased: fc.boolean() })

  it('is the sum of products, rounded, and writes the zeros around it', () => {
    fc.assert(
      fc.property(cases, ({ pixels, depth, blocks, biased }) => {
        const channels = 16 * blocks
        const shape: Shape4 = [...pixels, channels]
        const s = convolution(pixels, 3, depth, channels)
        const [x, filter, bias] = [s.batch * s.inHeight * s.inWidth * depth, 9 * depth * channels, channels].map(
          randomFloats,
        ) as [Float32Array, Float32Array, Float32Array]
        const { y } = reference(s, x, filter, new Float32Array(s.batch * s.inHeight * s.inWidth * channels))
        const compute = filled(blockedSize(shape), (out) =>
          runInstruction('image_convolution', [...shape, depth, LINEAR], [0], [x, filter, biased ? bias : null], [out]),
        )
        for (const [isa, got] of onEveryInstructionSet(compute))
          expectSums(toDense(got, shape), biased ? plus(y, bias) : y, RELATIVE, isa)
      }),
      { numRuns: 30 },
    )
  })

  it.each([
    ['relu', (x: number) => Math.max(0, x)],
    ['relu6', (x: number) => Math.min(6, Math.max(0, x))],
    ['leakyrelu', (x: number) => (x < 0 ? Math.fround(x * Math.fround(0.3)) : x)],
  ] as const)('ends in %s', (name, activate) => {
    const shape: Shape4 = [1, 9, 11, 32]
    const [x, filter, bias] = [randomFloats(99, 1).map((v) => 9 * v), randomFloats(9 * 32, 2), randomFloats(32, 3)]
    const convolved = (activation: number) =>
      filled(blockedSize(shape), (out) =>
        runInstruction('image_convolution', [...shape, 1, activation], [0.3], [x, filter, bias], [out]),
      )
    const plain = onEveryInstructionSet(convolved(LINEAR))
    for (const [isa, got] of onEveryInstructionSet(convolved(addonHere().activations.indexOf(name))))
      expectEach(got, plain.get(isa)!.map(activate), isa)
  })

  it('has the gradients by filter and bias', () => {
    fc.assert(
      fc.property(cases, ({ pixels, depth, blocks, biased }) => {
        const channels = 16 * blocks
        const shape: Shape4 = [...pixels, channels]
        const s = convolution(pixels, 3, depth, channels)
        const [x, dy] = [depth, channels].map((c, i) => randomFloats(s.batch * s.inHeight * s.inWidth * c, i)) as [
          Float32Array,
          Float32Array,
        ]
        const filterSize = 9 * depth * channels
        const { dfilter } = reference(s, x, new Float32Array(filterSize), dy)
        const blockedDy = toBlocked(dy, shape)
        const compute = filled(filterSize + (biased ? channels : 0), (out) => {
          const [df, db] = parts(out, [filterSize, channels])
          runInstruction('image_filter_gradient', [...shape, depth], [], [x, blockedDy], [df!, biased ? db! : null])
        })
        for (const [isa, got] of onEveryInstructionSet(compute)) {
          expectSums(got.subarray(0, filterSize), dfilter, RELATIVE, `${isa} dfilter`)
          if (biased) expectSums(got.subarray(filterSize), channelSums(dy, channels), RELATIVE, `${isa} dbias`)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('1x1 convolution to a dense tensor of few channels', () => {
  const cases = fc.record({
    pixels,
    outputs: upTo(16),
    blocks,
    biased: fc.boolean(),
    masked: fc.boolean(),
  })

  it('is the sum of products, rounded', () => {
    fc.assert(
      fc.property(cases, ({ pixels, outputs, blocks, biased }) => {
        const channels = 16 * blocks
        const shape: Shape4 = [...pixels, channels]
        const s = convolution(pixels, 1, channels, outputs)
        const count = s.batch * s.inHeight * s.inWidth
        const [x, filter, bias] = [count * channels, channels * outputs, outputs].map(randomFloats) as [
          Float32Array,
          Float32Array,
          Float32Array,
        ]
        const { y } = reference(s, x, filter, new Float32Array(count * outputs))
        const blockedX = toBlocked(x, shape)
        const compute = filled(count * outputs, (out) =>
          runInstruction('head', [...shape, outputs], [], [blockedX, filter, biased ? bias : null], [out]),
        )
        for (const [isa, got] of onEveryInstructionSet(compute))
          expectSums(got, biased ? plus(y, bias) : y, RELATIVE, isa)
      }),
      { numRuns: 30 },
    )
  })

  it('has gradients by input, filter and bias, together and each alone', () => {
    fc.assert(
      fc.property(cases, ({ pixels, outputs, blocks, masked }) => {
        const channels = 16 * blocks
        const shape: Shape4 = [...pixels, channels]
        const s = convolution(pixels, 1, channels, outputs)
        const count = s.batch * s.inHeight * s.inWidth
        const x = randomFloats(count * channels, 1).map((value) => Math.max(0, value))
        const [filter, dy] = [randomFloats(channels * outputs, 2), randomFloats(count * outputs, 3)]
        const { dx, dfilter } = reference(s, x, filter, dy)
        const wanted = masked ? { ...dx, values: dx.values.map((value, i) => (x[i]! > 0 ? value : 0)) } : dx
        const sizes = [blockedSize(shape), channels * outputs, outputs]
        const blockedX = toBlocked(x, shape)
        const gradients = (out: Float32Array, only?: number) =>
          runInstruction(
            'head_gradient',
            [...shape, outputs, Number(masked)],
            [],
            [only === 2 ? null : blockedX, dy, only === undefined || only === 0 ? filter : null],
            parts(out, sizes).map((part, i) => (only === undefined || only === i ? part : null)),
          )
        const together = filled(
          sizes.reduce((sum, size) => sum + size),
          (out) => gradients(out),
        )
        const apart = filled(
          sizes.reduce((sum, size) => sum + size),
          (out) => [0, 1, 2].map((i) => gradients(out, i)),
        )
        const overX = filled(sizes[0]!, (out) => {
          out.set(blockedX)
          runInstruction('head_gradient', [...shape, outputs, Number(masked)], [], [out, dy, filter], [out, null, null])
        })
        const inPlace = onEveryInstructionSet(overX)
        const alone = onEveryInstructionSet(apart)
        for (const [isa, got] of onEveryInstructionSet(together)) {
          expectEach(alone.get(isa)!, got, `${isa} alone`)
          expectEach(inPlace.get(isa)!, got.subarray(0, sizes[0]), `${isa} over x`)
          const [gotDx, gotDfilter, gotDbias] = parts(got, sizes)
          expectSums(toDense(gotDx!, shape), wanted, RELATIVE, `${isa} dx`)
          expectSums(gotDfilter!, dfilter, RELATIVE, `${isa} dfilter`)
          expectSums(gotDbias!, channelSums(dy, outputs), RELATIVE, `${isa} dbias`)
        }
      }),
      { numRuns: 20 },
    )
  })
})
