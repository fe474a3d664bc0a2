import { describe, expect, test } from 'vitest'
import { complaints, outcomes, runScenario } from '../support/scenarios'
import { describeOnTransports } from '../support/transports'

test('calls that differ raise on every rank and name both sides; all go on', async () => {
  type Attempt = { message: string; after: number[] }
  const ranks = await outcomes<Record<string, Attempt>>('mismatches', { size: 3 })
  const expected: Record<string, RegExp> = {
    shape: /allreduce gradient: .*\[3,2\] on ranks 0, 2 and \[2,3\] on rank 1/,
    dtype: /allreduce gradient: .*float32 on ranks 0, 2 and int32 on rank 1/,
    op: /allreduce gradient: .*Sum on ranks 0, 2 and Max on rank 1/,
    averaged: /allreduce gradient: .*Sum on ranks 0, 2 and Average on rank 1/,
    factor: /allreduce gradient: .*1 on ranks 0, 2 and 0.5 on rank 1/,
    compression: /allreduce gradient: .*float32 on ranks 0, 2 and float16 on rank 1/,
    root: /broadcast weights: .*root.* 0 on ranks 0, 2 and 1 on rank 1/,
    kind: /both.* allreduce on ranks 0, 2 and allgather on rank 1/,
    rows: /allgather rows: .*\[2,3\] on ranks 0, 2 and \[2,2\] on rank 1; all dimensions but the first must be equal/,
    ranksOfShape: /alltoall split: .*\[6,1\] on ranks 0, 2 and \[6\] on rank 1/,
    group: /allreduce group: .*2 .*group\.1.* on ranks 0, 2 and 1 .* on rank 1/,
    strings: /strings: .*\[1,2\] on ranks 0, 2 and \[2\] on rank 1/,
    object: /broadcast_object.noname.1: .*root.* 0 on ranks 0, 2 and 1 on rank 1/,
    names: /allreduce layer 0 on rank 0; allreduce layer 1 on rank 1; allreduce layer 2 on rank 2/,
    unequalCalls: /allreduce allreduce.noname.1 on ranks 0, 2; barrier barrier.noname.1 on rank 1/,
  }
  for (const got of ranks) {
    expect(Object.keys(got)).toEqual(Object.keys(expected))
    for (const [what, { message, after }] of Object.entries(got)) {
      expect(message, what).toMatch(expected[what]!)
      expect(message, what).toBe(ranks[0]![what]!.message)
      expect(after, what).toEqual([3, 3])
    }
  }
})

test('a name is taken until its operation has ended', async () => {
  for (const got of await outcomes('twice', { size: 2 }))
    expect(got).toEqual({ second: expect.stringMatching(/got allreduce same while another of this name/), again: [2] })
})

describeOnTransports('a rank that is gone', (transport) => {
  interface Told {
    blocking: string
    pending: string
    later: string
    barrier: string
    join: string
    seconds: number
  }

  test.each([
    ['kill', 0],
    ['kill', 1],
    ['throw', 2],
    ['exit', 1],
  ] as const)('by %s: the others are told at once, and from then on (rank %i)', async (how, who) => {
    const ranks = await runScenario('gone', { size: 3, transport, args: [String(who), how] })
    const expected = { kill: [null, 'SIGKILL'], throw: [1, null], exit: [3, null] }[how]
    expect([ranks[who]!.code, ranks[who]!.signal]).toEqual(expected)
    for (const { rank, code, stderr, lines } of ranks) {
      if (rank === who) continue
      expect({ rank, code, stderr: complaints(stderr) }).toEqual({ rank, code: 0, stderr: '' })
      const { seconds, ...told } = lines[0] as Told
      for (const message of [told.blocking, told.pending, told.later, told.barrier, told.join])
        expect(message).toMatch(new RegExp(`^HorovodInternalError: rank ${who} \\(.+, pid \\d+\\) has died: `))
      expect(seconds).toBeLessThan(5)
    }
  })

  test.each([0, 2])('by a kill in the middle of large reductions (rank %i)', async (who) => {
    const ranks = await runScenario('killed', { size: 3, transport, args: [String(who)] })
    for (const { rank, code, lines } of ranks) {
      if (rank === who) continue
      const { message, seconds } = lines[0] as { message: string; seconds: number }
      expect({ rank, code }).toEqual({ rank, code: 0 })
      expect(message).toMatch(new RegExp(`^HorovodInternalError: rank ${who} \\(.+, pid \\d+\\) has died: `))
      expect(seconds).toBeLessThan(5)
    }
  })

  test.each([0, 1])('by shutdown: what needs it raises (rank %i)', async (who) => {
    const ranks = await outcomes<Told | null>('gone', { size: 3, transport, args: [String(who), 'shutdown'] })
    for (const [rank, told] of ranks.entries()) {
      if (rank === who || !told) continue
      for (const message of [told.blocking, told.pending, told.later, told.barrier])
        expect(message).toMatch(new RegExp(`rank ${who} has shut down`))
    }
  })
})

describe.concurrent('the end', () => {
  test('without shutdown is no failure, however late the others end', async () => {
    for (const got of await outcomes('natural', { size: 3 })) expect(got).toEqual([3])
  })

  test('at the beginning is told to those who go on', async () => {
    const [, ...others] = await outcomes('brief', { size: 3 })
    for (const message of others)
      expect(message).toMatch(/^HorovodInternalError: (allreduce .*: )?rank 0 has shut down/) // who was first
  })

  test('leaves no promise open', async () => {
    const [first] = await outcomes('leaving', { size: 2 })
    expect(first).toMatch(/^HorovodInternalError: (this rank|allreduce never: rank 1) has shut down/) // who was first
  })

  test('is no end: a world may follow', async () => {
    for (const [rank, got] of (await outcomes<Record<string, unknown>>('again', { size: 3 })).entries())
      expect(got).toEqual({
        worlds: [0, 1, 2].map((world) => [rank, 3, true, 3 * world]),
        after: expect.stringMatching(/got rank\(\) before init/),
      })
  })
})

describe.concurrent('the stall inspector', () => {
  const late = async (environment: Record<string, string>, seconds: number) => {
    const ranks = await runScenario('late', { size: 3, environment, args: [String(seconds)] })
    expect(ranks.map(({ code }) => code)).toEqual([0, 0, 0])
    for (const { stderr } of ranks.slice(1)) expect(complaints(stderr)).toBe('')
    const [warnings] = complaints(ranks[0]!.stderr).split(/^over$/m) // what came while it waited
    return { warnings: warnings!.trim(), messages: ranks.map(({ lines }) => (lines[0] as Told).message) }
  }
  type Told = { message: string }

  test('names the operation and the missing rank, while the main thread of rank 0 is blocked', async () => {
    const { warnings, messages } = await late({ HOROVOD_STALL_CHECK_TIME_SECONDS: '0.2' }, 1)
    expect(warnings).toMatch(/waited for more than 0.2 s for others.*Missing on rank 1: allreduce waited for\./)
    expect(messages).toEqual(Array(3).fill('no error'))
  })

  test('ends the job where it is asked to', async () => {
    const times = { HOROVOD_STALL_CHECK_TIME_SECONDS: '0.2', HOROVOD_STALL_SHUTDOWN_TIME_SECONDS: '0.4' }
    const { messages } = await late(times, 1.2)
    for (const message of messages)
      expect(message).toMatch(
        /^HorovodInternalError: some ranks waited for more than 0.4 s .*Missing on rank 1: allreduce/,
      )
  })

  test('is quiet where it is not wanted', async () => {
    const { warnings } = await late({ HOROVOD_STALL_CHECK_DISABLE: '1', HOROVOD_STALL_CHECK_TIME_SECONDS: '0.1' }, 0.6)
    expect(warnings).toBe('')
  })
})
