import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadNative } from '../../src/transports/native'
import { type RankResult, runRanks } from '../support/ranks'

// Ranks are killed at any moment: while they meet, while they open the memory, while they reduce. The others say who is
// gone, and nothing is left behind: the memory has no name, and ends with the last process that has it.

const addon = loadNative()
const linux = process.platform === 'linux'
const reason = 'reason' in addon ? addon.reason : linux ? undefined : 'looks into /proc, which only Linux has'
const SIZE = 3

interface End {
  begun?: boolean
  error?: string
  mapped?: boolean
}

/** Kills ranks some time after all have started, or after the first has begun to reduce. */
async function killed(victims: number[], milliseconds: number, when: 'start' | 'begin', numbers = 200_000) {
  const ranks = await runRanks({
    size: SIZE,
    program: 'transport_killed',
    transport: 'shm',
    args: [String(numbers)],
    environment: { HOROVOD_START_TIMEOUT: '3' },
    deadline: 15,
    onStarted(children) {
      const kill = () => {
        for (const rank of victims) children[rank]!.kill('SIGKILL')
      }
      const later = () => setTimeout(kill, milliseconds)
      if (when === 'start') later()
      else children[0]!.stdout!.once('data', later)
    },
  })
  const survivors = ranks.filter(({ rank }) => !victims.includes(rank))
  for (const { rank, code, lines } of survivors) {
    const { error, mapped } = (lines.at(-1) ?? {}) as End
    expect({ rank, code, mapped, error }).toEqual({ rank, code: 3, mapped: false, error: expect.any(String) })
  }
  expect(readdirSync('/dev/shm').filter((name) => /hvd|horovod/.test(name))).toEqual([])
  return survivors
}

const errorsOf = (survivors: RankResult[]) => survivors.map(({ lines }) => (lines.at(-1) as End).error)

describe.skipIf(reason)(`a killed rank, in shared memory${reason ? ` (${reason})` : ''}`, () => {
  test.each([0, 1, 2])('rank %i, while all reduce: the others name it', async (victim) => {
    const errors = errorsOf(await killed([victim], 40, 'begin'))
    for (const error of errors) expect(error).toMatch(/^lost rank \d .*: (its process has ended|it has given up)$/)
    expect(errors.join()).toContain(`lost rank ${victim} (`)
  })

  test('all but one', async () => {
    const [error] = errorsOf(await killed([0, 2], 10, 'begin'))
    expect(error).toMatch(/^lost rank [02] .*: its process has ended$/)
  })

  test('at any moment', async () => {
    for (let i = 0; i < 8; i++) await killed([i % SIZE], 60 + 53 * i, 'start', i % 2 ? 200_000 : 10)
  }, 120_000)
})
