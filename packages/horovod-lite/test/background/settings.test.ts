import { expect, test } from 'vitest'
import { numberOf, secondsOf } from '../../src/background/settings'
import { outcomes } from '../support/scenarios'

test('numbers of the environment: nothing is the default, and what is none is an error', () => {
  expect(numberOf({}, 'A', 7)).toBe(7)
  expect(numberOf({ A: '' }, 'A', 7)).toBe(7)
  expect(numberOf({ A: '0.5' }, 'A', 7)).toBe(0.5)
  for (const A of ['soon', '-1', 'Infinity', 'NaN'])
    expect(() => numberOf({ A }, 'A', 7)).toThrow(`got A=${A}, expected a number of at least 0`)
})

test('a time is no longer than timers take', async () => {
  expect(secondsOf({ A: '2147483' }, 'A', 7)).toBe(2147483)
  const longest = secondsOf({ A: '1e9' }, 'A', 7)
  const timer = setTimeout(() => {}, longest * 1000)
  expect(Reflect.get(timer, '_idleTimeout')).toBe(longest * 1000) // Node makes 1 ms of what is too long
  clearTimeout(timer)
})

test('ranks that would wait for a year for each other meet', async () => {
  const environment = { HOROVOD_START_TIMEOUT: String(365 * 24 * 3600) }
  expect(await outcomes('place', { size: 2, environment })).toHaveLength(2)
})
