import { beforeAll, describe, expect, it } from 'vitest'
import type { Addon } from '../src/addon'
import { nativePeak } from '../src/index'
import { instructionSets, loadNative, withKernels } from './support/native'
import { randomFloats } from './support/random'

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

describe.each(instructionSets)('on %s', (isa) => {
  it('multiply-adds are those of every step and thread', () => {
    const done = (threads: number, steps: number) => withKernels(isa, threads, () => addon.multiplyAdds(steps))
    const one = done(1, 1)
    expect(one).toBeGreaterThanOrEqual(2 * 4 * 12) // lanes of the narrowest vector, chains
    expect([done(1, 7), done(2, 7), done(3, 0)]).toEqual([7 * one, 14 * one, 0])
  })

  it.each([0, 1, 15, 16, 1000, (1 << 19) + 5])('%i floats are copied, wherever they begin', (count) => {
    for (const offset of [0, 1, 5]) {
      const x = randomFloats(count, 1)
      const y = new Float32Array(count + offset + 1).fill(-1)
      withKernels(isa, 2, () => addon.streamCopy(x, y.subarray(offset, offset + count)))
      const expected = new Float32Array(y.length).fill(-1)
      expected.set(x, offset)
      expect(Buffer.from(y.buffer).equals(Buffer.from(expected.buffer)), `from element ${offset}`).toBe(true)
    }
  })
})

it('a copy of another length is refused', () => {
  expect(() => addon.streamCopy(new Float32Array(4), new Float32Array(5))).toThrow(/5 elements, expected 4/)
  expect(() => addon.multiplyAdds(-1)).toThrow(/argument 0 is -1/)
})

it("the machine's peak is two numbers", () => {
  const { gflops, gigabytesPerSecond } = nativePeak()
  for (const number of [gflops, gigabytesPerSecond]) expect(number).toBeGreaterThan(0)
  expect(gflops).toBeLessThan(1e6)
})
