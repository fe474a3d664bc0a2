import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HostList } from '../../src/launcher/elastic/host-list'
import { worldsOf } from '../../src/launcher/elastic/seating'
import { Simulation } from './simulation'

const slots = fc.integer({ min: 1, max: 3 })
const found = fc
  .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
  .chain((names) => fc.tuple(...names.map((name) => slots.map((slots) => ({ name, slots })))))

const event = fc.oneof(
  { weight: 6, arbitrary: fc.nat(100).map((choose) => (all: Simulation) => void all.step({ choose })) },
  { weight: 2, arbitrary: fc.nat(100).map((which) => (all: Simulation) => all.killOne(which)) },
  { weight: 1, arbitrary: fc.constant((all: Simulation) => all.hangNext()) },
  { weight: 1, arbitrary: found.map((hosts) => (all: Simulation) => all.found(hosts)) },
  { weight: 1, arbitrary: fc.nat(20).map((seconds) => (all: Simulation) => all.wait(seconds)) },
)
const limits = fc
  .record({
    min: fc.integer({ min: 1, max: 3 }),
    more: fc.integer({ min: 0, max: 5 }),
    resets: fc.option(fc.nat(4), { nil: undefined }),
    cooldown: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  })
  .map(({ min, more, ...rest }) => ({ ...rest, min, start: min, max: min + more, timeout: 60 }))

// What must hold of each single decision is in Simulation.check.
test('whatever happens, when nothing happens any more all train together or the job has ended', () => {
  fc.assert(
    fc.property(limits, found, fc.array(event, { maxLength: 60 }), found, (limits, first, events, last) => {
      const all = new Simulation(limits)
      all.found(first)
      for (const happen of events) {
        if (all.end) break
        happen(all)
      }
      all.found(last)
      for (let second = 0; second < 100 && !all.end; second++) {
        all.settle()
        all.wait(1)
      }
      if (limits.resets !== undefined) expect(all.worlds).toBeLessThanOrEqual(limits.resets + 1)
      if (all.end)
        expect(all.end.reason).toMatch(/^(?!.*to register)./) // nobody is waited for to the end
      else {
        expect(all.idle).toEqual([]) // everybody trains in the current world
        expect(all.world.length).toBeGreaterThanOrEqual(limits.min)
        expect(all.world.length).toBeLessThanOrEqual(limits.max)
      }
    }),
    { numRuns: 500 },
  )
})

test('where nobody fails, all slots up to --max-np are used in the end', () => {
  fc.assert(
    fc.property(limits, fc.array(found, { minLength: 1, maxLength: 5 }), (limits, lists) => {
      const all = new Simulation({ ...limits, resets: undefined })
      for (const hosts of lists) {
        all.found(hosts)
        all.settle()
      }
      const wanted = lists.at(-1)!.reduce((sum, { slots }) => sum + slots, 0)
      // With one seat nobody can pass the state on.
      if (!all.end && wanted >= limits.min && limits.max > 1)
        expect(all.world.length).toBe(Math.min(wanted, limits.max))
    }),
    { numRuns: 500 },
  )
})

test('each rank once; local and cross numbers are whole', () => {
  const hosts = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(hosts, (names) => {
      const workers = [...names].sort().map((host) => ({ host }))
      const worlds = worldsOf(workers)
      const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
      expect(worlds.map(({ rank }) => rank)).toEqual(upTo(names.length))
      for (const name of new Set(names)) {
        const here = worlds.filter((_, i) => workers[i]!.host === name)
        expect(here.map(({ localRank }) => localRank)).toEqual(upTo(here.length))
        for (const { localSize } of here) expect(localSize).toBe(here.length)
      }
      for (const rank of new Set(worlds.map(({ localRank }) => localRank))) {
        const line = worlds.filter(({ localRank }) => localRank === rank)
        expect(line.map(({ crossRank }) => crossRank)).toEqual(upTo(line.length))
        for (const { crossSize } of line) expect(crossSize).toBe(line.length)
      }
    }),
  )
})

test('hosts keep their order, whatever the discovery says in which order', () => {
  fc.assert(
    fc.property(fc.array(found, { minLength: 1, maxLength: 6 }), (lists) => {
      const list = new HostList()
      let before: string[] = []
      for (const hosts of lists) {
        list.update(hosts)
        const now = list.states(0).ready
        expect(now.map(({ name }) => name).sort()).toEqual(hosts.map(({ name }) => name).sort())
        for (const { name, slots } of now) expect(hosts.find((host) => host.name === name)!.slots).toBe(slots)
        const names = now.map(({ name }) => name)
        const stayed = before.filter((name) => names.includes(name))
        expect(names.slice(0, stayed.length)).toEqual(stayed)
        before = names
      }
    }),
  )
})
