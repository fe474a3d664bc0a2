import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignRanks, type Candidate } from '../../src/launcher/elastic/assignment'
import { Blacklist } from '../../src/launcher/elastic/blacklist'
import { parseDiscovered } from '../../src/launcher/elastic/discovery'
import { changeOf } from '../../src/launcher/elastic/slots'

describe('assignRanks', () => {
  test('those who have the state come first, in their old order; joiners follow, host by host', () => {
    const worlds = assignRanks([
      { id: '5', host: 'c' },
      { id: '4', host: 'b' },
      { id: '1', host: 'a', since: 0, rank: 1 },
      { id: '3', host: 'b', since: 1, rank: 0 },
      { id: '0', host: 'a', since: 0, rank: 2 },
    ])
    expect(
      [...worlds].map(([id, { rank, localRank, localSize, crossRank, crossSize }]) => [
        id,
        rank,
        localRank,
        localSize,
        crossRank,
        crossSize,
      ]),
    ).toEqual([
      ['1', 0, 0, 2, 0, 3],
      ['0', 1, 1, 2, 0, 2],
      ['3', 2, 0, 2, 1, 3],
      ['4', 3, 1, 2, 1, 2],
      ['5', 4, 0, 1, 2, 3],
    ])
  })

  const candidate = fc.record({
    host: fc.constantFrom('a', 'b', 'c', 'd'),
    since: fc.option(fc.nat(3), { nil: undefined }),
    rank: fc.nat(20),
  })
  test('always gives each rank once, a whole local and cross numbering, and rank 0 to one that has the state', () =>
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 12 }), (drawn) => {
        const candidates: Candidate[] = drawn.map((each, i) => ({ ...each, id: String(i) }))
        const worlds = [...assignRanks(candidates)]
        const numbers = (of: (entry: (typeof worlds)[number]) => number, among: typeof worlds) =>
          among.map(of).sort((a, b) => a - b)
        const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
        expect(numbers(([, { rank }]) => rank, worlds)).toEqual(upTo(candidates.length))
        const hostOf = (id: string) => candidates[Number(id)]!.host
        for (const host of new Set(candidates.map(({ host }) => host))) {
          const here = worlds.filter(([id]) => hostOf(id) === host)
          expect(numbers(([, { localRank }]) => localRank, here)).toEqual(upTo(here.length))
          for (const [, world] of here) expect(world.localSize).toBe(here.length)
        }
        for (const localRank of new Set(worlds.map(([, world]) => world.localRank))) {
          const line = worlds.filter(([, world]) => world.localRank === localRank)
          expect(numbers(([, { crossRank }]) => crossRank, line)).toEqual(upTo(line.length))
          for (const [, world] of line) expect(world.crossSize).toBe(line.length)
        }
        const zero = candidates[Number(worlds.find(([, { rank }]) => rank === 0)![0])]!
        const oldest = Math.min(...candidates.map(({ since = 99 }) => since))
        expect(zero.since ?? 99).toBe(oldest)
      }),
    ))
})

describe('changeOf', () => {
  test('fills free slots, and stops what has none any more', () => {
    const hosts = [
      { name: 'a', slots: 2 },
      { name: 'c', slots: 3 },
    ]
    const running = [
      { host: 'a', slot: 1 },
      { host: 'b', slot: 0 },
    ]
    expect(changeOf(hosts, running, 4)).toEqual({
      start: [
        { host: 'a', slot: 0 },
        { host: 'c', slot: 0 },
        { host: 'c', slot: 1 },
      ],
      stop: [{ host: 'b', slot: 0 }],
    })
    expect(
      changeOf(
        [{ name: 'a', slots: 1 }],
        [
          { host: 'a', slot: 0 },
          { host: 'a', slot: 1 },
        ],
        9,
      ),
    ).toEqual({ start: [], stop: [{ host: 'a', slot: 1 }] })
    expect(changeOf(hosts, running, 1).start).toEqual([])
  })

  const host = fc.record({ name: fc.constantFrom('a', 'b', 'c'), slots: fc.integer({ min: 1, max: 4 }) })
  const hosts = fc.uniqueArray(host, { selector: ({ name }) => name })
  test('applied again changes nothing more', () =>
    fc.assert(
      fc.property(hosts, hosts, fc.integer({ min: 1, max: 8 }), (before, after, most) => {
        const running = changeOf(before, [], most).start
        const { start, stop } = changeOf(after, running, most)
        const next = [...running.filter((each) => !stop.includes(each)), ...start]
        expect(next.length).toBe(
          Math.min(
            Math.max(most, running.length - stop.length),
            Math.max(
              after.reduce((sum, { slots }) => sum + slots, 0),
              0,
            ),
          ),
        )
        expect(changeOf(after, next, most)).toEqual({ start: [], stop: [] })
      }),
    ))
})

test('a host is blacklisted for good, or until its cooldown is over', () => {
  let now = 0
  const [forever, a_while] = [new Blacklist(undefined, () => now), new Blacklist(10, () => now)]
  for (const list of [forever, a_while]) list.add('a')
  now = 9_999
  expect([forever.has('a'), a_while.has('a'), a_while.has('b')]).toEqual([true, true, false])
  now = 10_001
  expect([forever.has('a'), a_while.has('a')]).toEqual([true, false])
})

test('what a discovery script may print', () => {
  expect(parseDiscovered('b:2\n\n a \n', 3)).toEqual([
    { name: 'a', slots: 3 },
    { name: 'b', slots: 2 },
  ])
  expect(parseDiscovered('')).toEqual([])
  expect(() => parseDiscovered('a:1\na:2')).toThrow(/got a twice/)
})
