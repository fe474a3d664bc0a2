import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FusionBuffer, runsOf } from '../../src/background/fusion'
import type { Submission } from '../../src/negotiation/submission'
import { HALVING_BELOW } from '../../src/transports/order'

const small = (bytes: number, more: Partial<Submission> = {}): Submission => ({
  kind: 'allreduce',
  name: '',
  entries: [],
  wire: 'float32',
  bytes,
  attributes: { op: 'Sum', reduction: 'Sum' },
  fusable: true,
  ...more,
})

describe('what shares a run', () => {
  const together = [[0, 1, 2]]
  const alone = [[0], [1], [2]]
  test.each<[what: string, more: Partial<Submission>, size: number, transport: string, runs: number[][]]>([
    ['sums of two ranks', {}, 2, 'mpi', together],
    ['sums of four ranks, whose order is the same at any place', {}, 4, 'shm', together],
    ['sums of four ranks, in an order of somebody else', {}, 4, 'mpi', alone],
    ['sums of three ranks, whose order depends on the place', {}, 3, 'tcp', alone],
    ['products of three ranks', { attributes: { reduction: 'Product' } }, 3, 'tcp', alone],
    ['maxima of three ranks', { attributes: { reduction: 'Max' } }, 3, 'mpi', together],
    ['whole numbers of three ranks', { wire: 'int32' }, 3, 'mpi', together],
    ['half precision of three ranks', { wire: 'float16' }, 3, 'tcp', alone],
  ])('%s', (_, more, size, transport, runs) => {
    expect(runsOf([small(100, more), small(200, more), small(300, more)], { size, transport })).toEqual(runs)
  })

  test('every operation once, in order, and no rounded sum of more than two ranks leaves the halving', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: HALVING_BELOW }), { minLength: 1 }), (sizes) => {
        const runs = runsOf(
          sizes.map((bytes) => small(bytes)),
          { size: 4, transport: 'tcp' },
        )
        expect(runs.flat()).toEqual([...sizes.keys()])
        for (const run of runs)
          if (run.length > 1) expect(run.reduce((sum, i) => sum + sizes[i]!, 0)).toBeLessThan(HALVING_BELOW)
      }),
    )
  })
})

test('the buffer gives back what was put in, however often it is used', () => {
  const buffer = new FusionBuffer()
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (parts) => {
      const all = buffer.fill(parts)
      expect([...all]).toEqual(parts.flatMap((part) => [...part]))
      for (let i = 0; i < all.length; i++) all[i]! ^= 255
      const expected = parts.map((part) => part.map((byte) => byte ^ 255))
      buffer.empty(parts)
      expect(parts).toEqual(expected)
    }),
  )
})
