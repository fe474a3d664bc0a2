import { closeSync, existsSync, fstatSync, openSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Timeline } from '../../src/timeline/timeline'
import { eventsOf, laneOf, newPath, type TraceEvent } from '../support/trace'

const brief = (events: TraceEvent[]) => events.map(({ ph, name }) => `${ph} ${name}`)
const silent = { warn: () => {} }
const shown = (name: string, kind = 'allreduce') => ({
  name,
  kind,
  bytes: 12,
  entries: [{ dtype: 'float32', shape: [3] }],
})

test('an operation has a lane of its name with negotiation, queue and work', () => {
  const path = newPath()
  const timeline = new Timeline(path, silent)
  timeline.submitted(1, shown('gradients'))
  timeline.submitted(0, shown('loss'))
  timeline.submitted(0, shown('gradients'))
  timeline.cycle() // is not wanted
  timeline.negotiated('gradients', 'allreduce')
  timeline.begin('gradients', 'MEMCPY_IN_FUSION_BUFFER')
  timeline.end('gradients')
  timeline.begin('gradients', 'TCP_ALLREDUCE')
  timeline.end('gradients')
  timeline.finished('gradients')
  timeline.close()

  const events = eventsOf(path)
  const lane = (name: string) => laneOf(events, name)
  expect(brief(lane('gradients'))).toEqual([
    'B NEGOTIATE_ALLREDUCE',
    'X 1',
    'X 0',
    'E NEGOTIATE_ALLREDUCE',
    'B ALLREDUCE',
    'B QUEUE',
    'E QUEUE',
    'B MEMCPY_IN_FUSION_BUFFER',
    'E MEMCPY_IN_FUSION_BUFFER',
    'B TCP_ALLREDUCE',
    'E TCP_ALLREDUCE',
    'E ALLREDUCE',
  ])
  expect(brief(lane('loss'))).toEqual(['B NEGOTIATE_ALLREDUCE', 'X 0', 'E NEGOTIATE_ALLREDUCE'])
  expect(events.some(({ name }) => name === 'CYCLE_START')).toBe(false)
  const times = lane('gradients').map(({ ts }) => ts)
  expect(times).toEqual([...times].sort((a, b) => a - b))
})

test('a lane tells what travels', () => {
  const path = newPath()
  const timeline = new Timeline(path, silent)
  timeline.submitted(0, shown('one'))
  timeline.submitted(0, { ...shown('two'), entries: [...shown('a').entries, ...shown('b').entries] })
  timeline.close()
  const begun = eventsOf(path).filter(({ ph }) => ph === 'B')
  expect(begun.map(({ args }) => args)).toEqual([
    { bytes: 12, dtype: 'float32', shape: [3] },
    { bytes: 12, tensors: 2 },
  ])
})

test('spans of the main thread and marks are placed in time', () => {
  const path = newPath()
  const [before, wall] = [Number(process.hrtime.bigint()) / 1e6, Date.now()]
  const timeline = new Timeline(path, { ...silent, marksCycles: true })
  timeline.span('DistributedOptimizer', 'UPDATE', before + 10, before + 30)
  timeline.cycle()
  timeline.close()
  const events = eventsOf(path)
  expect(Number(events[0]!.args!.start_time_since_epoch_in_micros) / 1000 - wall).toBeLessThan(1000)
  const [update] = events.filter(({ name }) => name === 'UPDATE') as [TraceEvent]
  expect(update.dur).toBeCloseTo(20_000, 0)
  expect(update.ts).toBeLessThanOrEqual(10_000) // of before + 10 ms, from a beginning a little after before
  expect(update.ts).toBeGreaterThan(0)
  expect(events.filter(({ name }) => name === 'CYCLE_START')).toMatchObject([{ ph: 'i', s: 'g' }])
})

test('the file is whole after each turn: a crash leaves one that opens', async () => {
  const path = newPath()
  const timeline = new Timeline(path, silent)
  const lengths: number[] = []
  for (const name of ['é', 'b', 'c']) {
    timeline.submitted(0, shown(name))
    await setImmediate()
    await setImmediate()
    lengths.push(eventsOf(path).filter(({ ph }) => ph === 'B').length)
  }
  expect(lengths).toEqual([1, 2, 3])
  timeline.close()
  expect(eventsOf(path).filter(({ ph }) => ph === 'E')).toHaveLength(3)
})

test('a name that is used again has the same lane', () => {
  const path = newPath()
  const timeline = new Timeline(path, silent)
  for (let step = 0; step < 2; step++) {
    timeline.submitted(0, shown('gradients', 'broadcast'))
    timeline.negotiated('gradients', 'broadcast')
    timeline.finished('gradients')
  }
  timeline.close()
  const events = eventsOf(path)
  expect(events.filter(({ name }) => name === 'thread_name')).toHaveLength(1)
  expect(events.filter(({ ph, name }) => ph === 'B' && name === 'BROADCAST')).toHaveLength(2)
})

test('operations without names share lanes, as many as are under way at a time', () => {
  const path = newPath()
  const timeline = new Timeline(path, silent)
  const nameOf = (i: number) => `allreduce.noname.${i}`
  for (let i = 0; i < 300; i++) {
    timeline.submitted(0, shown(nameOf(i)))
    if (i === 0) continue // two are under way
    timeline.negotiated(nameOf(i - 1), 'allreduce')
    timeline.begin(nameOf(i - 1), 'TCP_ALLREDUCE')
    timeline.finished(nameOf(i - 1))
  }
  timeline.submitted(0, shown('grouped_allreduce.noname.3.int32'))
  timeline.close()
  const events = eventsOf(path)
  const titles = events.filter(({ name }) => name === 'thread_name').map(({ args }) => args!.name)
  expect(titles).toEqual(['allreduce.noname', 'allreduce.noname', 'grouped_allreduce.noname.int32'])
  const begun = events.filter(({ ph, name }) => ph === 'B' && name === 'NEGOTIATE_ALLREDUCE')
  expect(begun.slice(0, 300).map(({ args }) => args!.name)).toEqual(Array.from({ length: 300 }, (_, i) => nameOf(i)))
  for (const lane of new Set(begun.map(({ tid }) => tid))) {
    const open: string[] = []
    for (const { ph, name } of events.filter(({ tid }) => tid === lane))
      if (ph === 'B') open.push(name)
      else if (ph === 'E') expect(open.pop()).toBe(name)
    expect(open).toEqual([])
    const negotiations = begun.filter(({ tid }) => tid === lane).length
    expect(negotiations).toBeLessThanOrEqual(150)
  }
})

test('a file that cannot be written is an error that says what to do', () => {
  expect(() => new Timeline('/nowhere/trace.json', silent)).toThrow(
    'HOROVOD_TIMELINE: cannot write /nowhere/trace.json (ENOENT); choose another file',
  )
})

test.skipIf(!existsSync('/dev/full'))('a full disk is an error at the start (needs /dev/full)', () => {
  expect(() => new Timeline('/dev/full', silent)).toThrow('HOROVOD_TIMELINE: cannot write /dev/full (ENOSPC)')
})

test('a file that cannot be written any more is told once, and nothing else happens', () => {
  const told: string[] = []
  const path = newPath()
  const timeline = new Timeline(path, { warn: (line) => told.push(line) })
  closeSync(Reflect.get(Reflect.get(timeline, 'file'), 'file')) // as unwritable as a full disk
  timeline.submitted(0, shown('a'))
  timeline.close()
  timeline.submitted(0, shown('b'))
  timeline.close()
  expect(told).toEqual([`HOROVOD_TIMELINE: cannot write ${path} any more (EBADF); training goes on`])
})

test('a file that cannot be written any more is closed', async () => {
  const path = newPath()
  const timeline = new Timeline(path, silent)
  const file = Reflect.get(timeline, 'file')
  closeSync(Reflect.get(file, 'file'))
  const unwritable = openSync(path, 'r')
  Reflect.set(file, 'file', unwritable)
  timeline.submitted(0, shown('a'))
  await setImmediate()
  await setImmediate()
  expect(() => fstatSync(unwritable)).toThrow('EBADF')
  timeline.close()
})
