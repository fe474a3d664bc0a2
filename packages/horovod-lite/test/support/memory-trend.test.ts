import { expect, test } from 'vitest'
import { MemoryTrend } from './memory-trend'

/** 3000 samples, the first third while caches fill, of about 200 MB with 20 MB of noise upwards, as a collector leaves them. */
function growthOf(more: (at: number) => number): number {
  const trend = new MemoryTrend()
  for (let i = -1000; i < 2000; i++)
    trend.add(i / 2000, 200e6 + 20e6 * (((i + 1000) * 0.618) % 1) ** 2 + more(i / 2000))
  return trend.growth
}

test('what comes and goes, and what fills at the beginning, is no growth', () => {
  expect(Math.abs(growthOf(() => 0))).toBeLessThan(1e5)
  expect(Math.abs(growthOf((at) => 40e6 * Math.min(0, at)))).toBeLessThan(1e5)
  expect(Math.abs(growthOf((at) => 30e6 * (((at + 1) * 40) % 1)))).toBeLessThan(2e6)
})

test('what is never given back is growth, also where the run ends with a collection', () => {
  expect(growthOf((at) => 20e6 * at)).toBeGreaterThan(7e6)
  expect(growthOf((at) => 20e6 * at - (at > 0.999 ? 4e6 : 0))).toBeGreaterThan(3e6)
  expect(growthOf((at) => (at > 0.6 ? 10e6 : 0))).toBeGreaterThan(7e6)
})
