import { expectClose } from '@unet-internal/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { INITIALIZERS, initializerName, initializers, type KernelShape } from '../src/initializers'
import { stream } from '../src/random'

const shape: KernelShape = [3, 3, 32, 64]
const [fanIn, fanOut] = [3 * 3 * 32, 3 * 3 * 64]
const draw = (name: (typeof INITIALIZERS)[number], of = shape) => initializers[name](of, stream(1, 'test'))
const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length
const deviation = (values: Float32Array) => Math.sqrt(mean(values.map((v) => v * v)) - mean(values) ** 2)

describe.each([
  ['heUniform', Math.sqrt(2 / fanIn), Math.sqrt(6 / fanIn)],
  ['heNormal', Math.sqrt(2 / fanIn), (2 * Math.sqrt(2 / fanIn)) / 0.8796256610342398],
  ['glorotUniform', Math.sqrt(2 / (fanIn + fanOut)), Math.sqrt(6 / (fanIn + fanOut))],
  ['glorotNormal', Math.sqrt(2 / (fanIn + fanOut)), (2 * Math.sqrt(2 / (fanIn + fanOut))) / 0.8796256610342398],
] as const)('%s', (name, wanted, limit) => {
  // 18,432 values: the sample's deviation is within 2 % with a margin of 4 standard errors, its mean within 3 % of it.
  test('has the deviation that its paper asks for, mean zero, and reaches its limits but not beyond', () => {
    const values = draw(name)
    expectClose(deviation(values), wanted, { relative: 0.02 }, 'deviation')
    expect(Math.abs(mean(values))).toBeLessThan(0.03 * wanted)
    const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    expect(largest).toBeLessThanOrEqual(Math.fround(limit))
    expect(largest).toBeGreaterThan(0.95 * limit)
  })
})

test('orthogonal: the columns, or where there are fewer the rows, are orthonormal', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 3),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 40 }),
      (side, cin, out) => {
        const values = draw('orthogonal', [side, side, cin, out])
        const rows = side * side * cin
        const at = (row: number, column: number) => values[row * out + column]!
        const [length, count, entry] = rows >= out ? [rows, out, at] : [out, rows, (k: number, i: number) => at(i, k)]
        for (let i = 0; i < count; i++)
          for (let j = 0; j <= i; j++) {
            let product = 0
            for (let k = 0; k < length; k++) product += entry(k, i) * entry(k, j)
            expectClose(product, i === j ? 1 : 0, { relative: 1e-5, absolute: 1e-5 }, `product of ${i} and ${j}`)
          }
      },
    ),
    { numRuns: 30 },
  )
})

test("the reference's names mean the same", () => {
  const names = ['he_uniform', 'he_normal', 'glorot_uniform', 'glorot_normal', 'orthogonal']
  expect(names.map(initializerName)).toEqual([...INITIALIZERS])
})

test('streams of other names or seeds differ, and are uniform in [0, 1)', () => {
  const take = (seed: number, name: string) => {
    const next = stream(seed, name)
    return Array.from({ length: 20_000 }, next)
  }
  const values = take(1, 'a')
  expect(values).toEqual(take(1, 'a'))
  expect(values).not.toEqual(take(2, 'a'))
  expect(values).not.toEqual(take(1, 'b'))
  const bins = new Array(16).fill(0)
  for (const value of values) bins[Math.floor(16 * value)]++
  // Chi squared with 15 degrees of freedom is above 37.7 once in a thousand.
  expect(bins.reduce((sum, n) => sum + (n - 1250) ** 2 / 1250, 0)).toBeLessThan(37.7)
})
