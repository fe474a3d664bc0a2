import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Compiled, compile } from '../support/compile'

const FILES = ['reduce.c', ...['segment', 'processors', 'steps', 'reductions', 'moves'].map((name) => `shm/${name}.c`)]

let program: Compiled
beforeAll(async () => {
  program = await compile('segment.c', FILES)
})
afterAll(() => program?.remove())

const run = async (...args: (string | number)[]) => {
  const { stdout } = await promisify(execFile)(program.path, args.map(String), { timeout: 20_000 })
  return stdout.trim().split(' ').map(Number)
}

describe('every operation is right', () => {
  test.each([
    ['when the counts of rounds begin anew', 2 ** 32],
    ['in the middle of them', 2 ** 31],
    ['after that', 3 * 2 ** 32],
  ])('%s', async (_, end) => {
    for (const size of [2, 3, 4]) {
      const [wrong, last] = await run('rounds', size, end - 400)
      expect(last).toBeGreaterThan(end + 100)
      expect(wrong).toBe(0)
    }
  })
})

const noLinux = process.platform === 'linux' ? '' : 'needs Linux'
test.skipIf(noLinux)(`signals do not keep memory from being made${noLinux && ` (${noLinux})`}`, async () =>
  expect(await run('signals')).toEqual([1]),
)

const noTwo = noLinux || (availableParallelism() < 2 ? 'needs two processors' : '')
test.skipIf(noTwo)(`ranks that share a processor soon give it to each other${noTwo && ` (${noTwo})`}`, async () => {
  const [one, other, ...apart] = await run('processors')
  expect(one).toBe(other)
  expect(one).toBeLessThan(apart[0]!)
  expect(apart[0]).toBe(apart[1])
})
