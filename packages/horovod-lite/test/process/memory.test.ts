import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SharedMemory } from '../../src/process/memory'

test('pieces are as long as asked for, shared, little larger than needed, and never given twice', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 300_000 }), fc.boolean())), (steps) => {
      const memory = new SharedMemory()
      const out: Uint8Array[] = []
      for (const [bytes, returns] of steps) {
        const piece = memory.take(bytes)
        expect(piece.byteLength).toBe(bytes)
        expect(piece.buffer).toBeInstanceOf(SharedArrayBuffer)
        expect(piece.buffer.byteLength).toBeLessThanOrEqual(Math.max(bytes + 4096, bytes * 1.25))
        expect(out.map(({ buffer }) => buffer)).not.toContain(piece.buffer)
        out.push(piece)
        if (returns) memory.give(out.shift()!)
      }
    }),
  )
})

test('memory is used again', () => {
  const memory = new SharedMemory()
  const first = memory.take(100_000)
  memory.give(first)
  expect(memory.take(99_000).buffer).toBe(first.buffer)
  expect(memory.take(99_000).buffer).not.toBe(first.buffer)
})

test('what is kept is limited; what has not been used for longest goes', () => {
  const memory = new SharedMemory()
  const pieces = [40, 48, 56, 64].map((megabytes) => memory.take(megabytes * 2 ** 20))
  for (const piece of pieces) memory.give(piece)
  const again = pieces.map(({ byteLength, buffer }) => memory.take(byteLength).buffer === buffer)
  expect(again).toEqual([false, false, true, true])
})

test('what is larger than a bucket of gradients is not kept, and drives nothing out', () => {
  const memory = new SharedMemory()
  const [bucket, large] = [64 * 2 ** 20, 100 * 2 ** 20].map((bytes) => memory.take(bytes)) as [Uint8Array, Uint8Array]
  for (const piece of [bucket, large]) memory.give(piece)
  expect(memory.take(bucket.byteLength).buffer).toBe(bucket.buffer)
  expect(memory.take(large.byteLength).buffer).not.toBe(large.buffer)
})
