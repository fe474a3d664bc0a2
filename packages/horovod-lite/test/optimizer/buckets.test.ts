import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planBuckets } from '../../src/optimizer/buckets'

const variables = (...sizes: number[]) => sizes.map((bytes, i) => ({ name: `v${i}`, bytes }))

test.each([
  ['from the last to the first, cut before a bucket grows too large', [8, 8, 8], 16, [['v2', 'v1'], ['v0']]],
  ['one where all fit', [8, 8, 8], 24, [['v2', 'v1', 'v0']]],
  ['a larger variable is alone', [4, 100, 4, 4], 16, [['v3', 'v2'], ['v1'], ['v0']]],
  ['with 0 each is alone', [4, 4], 0, [['v1'], ['v0']]],
  ['variables without values join any', [0, 4, 0], 4, [['v2', 'v1', 'v0']]],
  ['nothing', [], 16, []],
])('%s', (_, sizes, bucketBytes, plan) => {
  expect(planBuckets(variables(...sizes), bucketBytes)).toEqual(plan)
})

test('every variable is in one bucket, and none could have been merged with the next', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(100), (sizes, bucketBytes) => {
      const all = variables(...sizes)
      const plan = planBuckets(all, bucketBytes)
      expect(plan.flat()).toEqual(all.map(({ name }) => name).reverse())
      const bytes = (names: string[]) => names.reduce((sum, name) => sum + sizes[Number(name.slice(1))]!, 0)
      for (const [i, bucket] of plan.entries()) {
        if (bucket.length > 1) expect(bytes(bucket)).toBeLessThanOrEqual(bucketBytes)
        if (plan[i + 1]) expect(bytes(bucket) + bytes(plan[i + 1]!.slice(0, 1))).toBeGreaterThan(bucketBytes)
      }
    }),
  )
})
