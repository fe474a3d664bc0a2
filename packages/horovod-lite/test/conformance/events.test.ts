import { describe, expect, test } from 'vitest'
import { eventsOf, laneOf, newPath, type TraceEvent } from '../support/trace'
import { runWorld, whyNot } from './worlds'

interface Told {
  rank: number
  message: string
  seconds: number
  failure?: string
}

/** What began, and what it was within: `ALLREDUCE/QUEUE`. */
function paths(lane: TraceEvent[]): string[] {
  const open: string[] = []
  const seen: string[] = []
  for (const { ph, name } of lane)
    if (ph === 'B') {
      open.push(name)
      seen.push(open.join('/'))
    } else if (ph === 'E') expect(name).toBe(open.pop())
  expect(open).toEqual([])
  return [...new Set(seen)]
}

for (const transport of ['tcp', 'shm', 'mpi']) {
  const reason = whyNot(transport)
  describe.skipIf(reason)(reason ? `${transport} (${reason})` : transport, () => {
    const wire = transport.toUpperCase()

    test('the timeline shows negotiation, fusion, wire and update of everything', async () => {
      const path = newPath()
      const environment = { HOROVOD_TIMELINE: path, HOROVOD_TIMELINE_MARK_CYCLES: '1' }
      const { trouble } = await runWorld({ transport, size: 2 }, { program: 'events', args: ['timeline'], environment })
      expect(trouble).toBe('')
      const events = eventsOf(path)
      const lane = (name: string) => laneOf(events, name)

      const reduction = ['NEGOTIATE_ALLREDUCE', 'ALLREDUCE', 'ALLREDUCE/QUEUE', `ALLREDUCE/${wire}_ALLREDUCE`]
      for (const name of ['large', 'late', 'gradients.0']) expect(paths(lane(name))).toEqual(reduction)
      const fused = ['a', 'b', 'c'].flatMap((name) => paths(lane(name)))
      expect(fused).toEqual(expect.arrayContaining(reduction))
      for (const memcpy of ['IN', 'OUT']) expect(fused).toContain(`ALLREDUCE/MEMCPY_${memcpy}_FUSION_BUFFER`)
      for (const [name, kind] of [
        ['weights', 'BROADCAST'],
        ['rows', 'ALLGATHER'],
        ['parts', 'ALLTOALL'],
      ] as const)
        expect(paths(lane(name))).toEqual([`NEGOTIATE_${kind}`, kind, `${kind}/QUEUE`, `${kind}/${wire}_${kind}`])
      expect(paths(lane('end'))).toEqual(['NEGOTIATE_BARRIER', 'BARRIER', 'BARRIER/QUEUE'])
      expect(paths(lane('differs'))).toEqual(['NEGOTIATE_ALLREDUCE'])

      const [begun, first, last, agreed] = lane('late') as [TraceEvent, TraceEvent, TraceEvent, TraceEvent]
      expect([begun.ph, first.ph, first.name, last.ph, last.name, agreed.ph]).toEqual(['B', 'X', '0', 'X', '1', 'E'])
      expect(begun.args).toEqual({ bytes: 4, dtype: 'float32', shape: [1] })
      expect(last.ts - first.ts).toBeGreaterThan(100_000) // microseconds

      const spans = lane('DistributedOptimizer')
      expect(spans.map(({ name }) => name)).toEqual(['BACKWARD', 'REDUCE', 'UPDATE', 'BACKWARD', 'REDUCE', 'UPDATE'])
      const [{ ts, dur }] = spans.slice(1) as [Required<TraceEvent>]
      const own = lane('gradients.0').find(({ ph, name }) => ph === 'X' && name === '0')!
      const end = lane('gradients.0').find(({ ph, name }) => ph === 'E' && name === 'ALLREDUCE')!
      expect(own.ts).toBeGreaterThan(ts)
      expect(end.ts).toBeLessThan(ts + dur)
      expect(events.filter(({ name }) => name === 'CYCLE_START').length).toBeGreaterThan(10)
    })

    test('ranks that wait are told who is missing, also while all main threads are blocked', async () => {
      const environment = { HOROVOD_STALL_CHECK_TIME_SECONDS: '0.2' }
      const said = await runWorld({ transport, size: 3 }, { program: 'events', args: ['late'], environment })
      expect(said.trouble).toBe('')
      expect(said.lines).toEqual([0, 1, 2].map((rank) => ({ rank, sum: 3 })))
      expect(said.warnings).toMatch(/waited for more than 0.2 s for others.*Missing on rank 1: allreduce waited for\./)
    })
  })
}

const last = /HorovodInternalError: rank 2 \(.+, pid \d+\) has died/

describe('a rank that is killed', () => {
  const reason = whyNot('mpi')
  test.skipIf(reason)(`under mpirun${reason ? ` (${reason})` : ''}: mpirun ends all, at once`, async () => {
    const start = performance.now()
    const { lines, trouble } = await runWorld({ transport: 'mpi', size: 3 }, { program: 'events', args: ['killed'] })
    expect(trouble).toMatch(/mpirun ended with \d+/)
    expect((performance.now() - start) / 1000).toBeLessThan(20)
    for (const { message } of lines as Told[]) expect(message).toMatch(last) // who was quicker than mpirun
  })

  test('leaves a timeline that opens, and tells the others', async () => {
    const path = newPath()
    const environment = { HOROVOD_TIMELINE: path }
    const { lines } = await runWorld({ transport: 'tcp', size: 2 }, { program: 'events', args: ['crash'], environment })
    expect(lines).toEqual([{ rank: 1, message: expect.stringMatching(/^HorovodInternalError: rank 0 .* has died/) }])
    expect(paths(laneOf(eventsOf(path), 'before'))).toContain('ALLREDUCE/TCP_ALLREDUCE')
  })
})

test('a timeline that cannot be written is an error of init, which says so in a line', async () => {
  const environment = { HOROVOD_TIMELINE: '/nowhere/trace.json', HOROVOD_START_TIMEOUT: '3' }
  const { lines } = await runWorld({ transport: 'tcp', size: 2 }, { program: 'events', args: ['late'], environment })
  const failures = (lines as Told[]).map(({ failure }) => failure)
  expect(failures).toContain('HOROVOD_TIMELINE: cannot write /nowhere/trace.json (ENOENT); choose another file')
})
