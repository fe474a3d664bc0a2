import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mostAtOnce, pack } from '../../src/plan/pack'

const blocks = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 1000 }), first: fc.nat(40), duration: fc.nat(40) })
    .map(({ bytes, first, duration }) => ({
      bytes,
      first,
      last: first + duration,
    })),
  { maxLength: 60 },
)

test('blocks that are needed at once do not overlap, and lie in the arena', () => {
  fc.assert(
    fc.property(blocks, fc.constantFrom(1, 64), (blocks, alignment) => {
      const { places, bytes } = pack(blocks, alignment)
      for (const [i, a] of blocks.entries()) {
        expect(places[i]! % alignment).toBe(0)
        expect(places[i]! + a.bytes).toBeLessThanOrEqual(bytes)
        for (const [j, b] of blocks.entries()) {
          if (i >= j || a.last < b.first || b.last < a.first) continue
          expect(places[i]! + a.bytes <= places[j]! || places[j]! + b.bytes <= places[i]!).toBe(true)
        }
      }
    }),
  )
})

test('the arena is little larger than what is needed at once', () => {
  const ratios = fc
    .sample(blocks, { numRuns: 2000, seed: 1 })
    .filter(({ length }) => length > 0)
    .map((blocks) => pack(blocks).bytes / mostAtOnce(blocks))
    .sort((a, b) => a - b)
  expect(ratios[0]).toBeGreaterThanOrEqual(1)
  expect(ratios[Math.floor(0.9 * ratios.length)]).toBeLessThan(1.03)
  expect(ratios.at(-1)).toBeLessThan(1.35)
})

test('what is needed at once', () => {
  expect(mostAtOnce([])).toBe(0)
  expect(pack([])).toEqual({ places: [], bytes: 0 })
  expect(
    mostAtOnce([
      { bytes: 3, first: 0, last: 1 },
      { bytes: 4, first: 1, last: 2 },
      { bytes: 5, first: 2, last: 2 },
    ]),
  ).toBe(9)
})
