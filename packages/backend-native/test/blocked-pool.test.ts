import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockedSize, denseSize, type Shape4, toBlocked, toDense } from './support/blocked'
import { expectEach } from './support/compare'
import { filled, onEveryInstructionSet } from './support/native'
import { type PoolingShape, reference } from './support/pooling'
import { runInstruction } from './support/program'
import { randomFloats } from './support/random'

const shapes: fc.Arbitrary<Shape4> = fc
  .tuple(...[3, 10, 10, 3].map((max) => fc.integer({ min: 1, max })))
  .map(([n, height, width, blocks]) => [n!, 2 * height!, 2 * width!, 16 * blocks!])

const half = ([n, height, width, channels]: Shape4): Shape4 => [n, height / 2, width / 2, channels]

const poolingShape = ([batch, height, width, channels]: Shape4): PoolingShape => ({
  ...{ batch, inHeight: height, inWidth: width, outHeight: height / 2, outWidth: width / 2, channels },
  ...{ filterHeight: 2, filterWidth: 2, strideHeight: 2, strideWidth: 2, dilationHeight: 1, dilationWidth: 1 },
  ...{ padTop: 0, padLeft: 0 },
})

/** Values with many ties, some of them not positive, and a NaN now and then. */
const tied = (count: number, seed: number, nans: boolean) =>
  randomFloats(count, seed).map((x) => (nans && x > 0.95 ? Number.NaN : Math.trunc(3 * x)))

describe('2x2 max-pooling of blocked tensors', () => {
  const cases = fc.record({
    shape: shapes,
    seed: fc.nat(99),
    nans: fc.boolean(),
    masked: fc.boolean(),
    joined: fc.boolean(),
  })

  it('takes the maxima', () => {
    fc.assert(
      fc.property(cases, ({ shape, seed, nans }) => {
        const x = tied(denseSize(shape), seed, nans)
        const { y } = reference(poolingShape(shape), x, new Float32Array(denseSize(half(shape))))
        const blockedX = toBlocked(x, shape)
        const compute = filled(blockedSize(half(shape)), (out) =>
          runInstruction('blocked_max_pool', shape, [], [blockedX], [out]),
        )
        for (const [isa, got] of onEveryInstructionSet(compute)) expectEach(toDense(got, half(shape)), y, isa)
      }),
      { numRuns: 40 },
    )
  })

  it('gives the gradient to the first maximum, adds the other use and masks the sum', () => {
    fc.assert(
      fc.property(cases, ({ shape, seed, nans, masked, joined }) => {
        const x = tied(denseSize(shape), seed, nans)
        const [dpooled, dskip] = [randomFloats(denseSize(half(shape)), seed + 1), randomFloats(x.length, seed + 2)]
        const { dx } = reference(poolingShape(shape), x, dpooled)
        const want = dx.map((value, i) => (masked && !(x[i]! > 0) ? 0 : Math.fround(value + (joined ? dskip[i]! : 0))))
        const [blockedX, blockedPooled, blockedSkip] = [
          toBlocked(x, shape),
          toBlocked(dpooled, half(shape)),
          toBlocked(dskip, shape),
        ]
        const gradient = (inPlace: boolean) =>
          filled(blockedSize(shape), (out) => {
            if (inPlace) out.set(blockedSkip)
            const skip = joined ? (inPlace ? out : blockedSkip) : null
            runInstruction(
              'blocked_max_pool_gradient',
              [...shape, Number(masked)],
              [],
              [blockedX, blockedPooled, skip],
              [out],
            )
          })
        const overSkip = joined ? onEveryInstructionSet(gradient(true)) : undefined
        for (const [isa, got] of onEveryInstructionSet(gradient(false))) {
          expectEach(toDense(got, shape), want, isa)
          if (overSkip) expectEach(overSkip.get(isa)!, got, `${isa} in place`)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('refuses odd sides', () => {
    const shape: Shape4 = [1, 3, 4, 16]
    const run = () =>
      runInstruction(
        'blocked_max_pool',
        shape,
        [],
        [new Float32Array(blockedSize(shape))],
        [new Float32Array(blockedSize([1, 1, 2, 16]))],
      )
    expect(run).toThrow(/height or width is odd/)
  })
})
