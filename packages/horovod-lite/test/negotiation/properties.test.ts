import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Verdict } from '../../src/negotiation/submission'
import { chance as randomFrom } from '../support/random'
import { type Step, simulate } from './simulation'
import { submission } from './submissions'

const names = ['a', 'b', 'c', 'd', 'e', 'f']
const sizes = fc.integer({ min: 1, max: 5 })
/** Of each rank something. */
const each = <T>(what: fc.Arbitrary<T>) => sizes.chain((size) => fc.array(what, { minLength: size, maxLength: size }))

const chance = fc.integer().map(randomFrom)

/** Differs in type, so that not all share a run. */
const plain = (name: string) => submission(name, { dtype: name < 'c' ? 'int32' : 'float32' })
const call = (name: string): Step => ({ call: plain(name) })
const run = (verdicts: Verdict[]) => verdicts.flatMap((verdict) => (verdict.kind === 'run' ? verdict.names : []))
const finished = { finished: true }

test('asynchronous operations in any order: each runs once, nothing is lost', () => {
  const orders = each(fc.shuffledSubarray(names, { minLength: names.length }))
  fc.assert(
    fc.property(orders, chance, (orders, random) => {
      const programs = orders.map((order): Step[] => [...order.map((name) => ({ start: plain(name) })), { wait: true }])
      const { ranks, verdicts } = simulate(programs, random, 30)
      expect(run(verdicts).sort()).toEqual(names)
      expect(verdicts.every(({ kind }) => kind === 'run')).toBe(true)
      for (const { outcomes, finished } of ranks) {
        expect(finished).toBe(true)
        expect(outcomes.map(({ name }) => name)).toEqual(run(verdicts)) // the same order on every rank
      }
      for (const verdict of verdicts as Extract<Verdict, { kind: 'run' }>[]) {
        expect(new Set(verdict.like.map(({ wire }) => wire)).size).toBe(1)
        const bytes = verdict.like.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(verdict.names.length === 1 || bytes <= 30).toBe(true)
      }
    }),
  )
})

test('blocking operations in one order run in this order, however late the ranks are', () => {
  fc.assert(
    fc.property(sizes, fc.shuffledSubarray(names), chance, (size, order, random) => {
      const { ranks, verdicts } = simulate(Array(size).fill(order.map(call)), random)
      expect(run(verdicts)).toEqual(order)
      expect(ranks).toMatchObject(Array(size).fill(finished))
    }),
  )
})

test('operations that differ somewhere fail on every rank, and only those', () => {
  const wrong = each(fc.subarray(names))
  fc.assert(
    fc.property(wrong, chance, (wrong, random) => {
      const programs = wrong.map((own, rank): Step[] => [
        ...names.map((name) => ({ start: own.includes(name) ? submission(name, { shape: [rank, 4] }) : plain(name) })),
        { wait: true },
      ])
      const failing = names.filter((name) => wrong.length > 1 && wrong.some((own) => own.includes(name)))
      const { ranks } = simulate(programs, random)
      for (const { outcomes, finished } of ranks) {
        expect(finished).toBe(true)
        expect(outcomes.map(({ name }) => name).sort()).toEqual(names)
        for (const { name, outcome } of outcomes)
          expect(outcome).toMatch(
            failing.includes(name) ? new RegExp(`^allreduce ${name}: got (dtype|shape)`) : /^run$/,
          )
      }
    }),
  )
})

test('ranks with other numbers of batches: all run, then all join together', () => {
  const batches = each(fc.integer({ min: 0, max: names.length }))
  fc.assert(
    fc.property(batches, chance, (batches, random) => {
      const epochs = [batches, [...batches].reverse()]
      const epoch = (count: number): Step[] => [...names.slice(0, count).map(call), { join: true }]
      const { ranks, verdicts } = simulate(
        batches.map((_, rank) => epochs.flatMap((counts) => epoch(counts[rank]!))),
        random,
      )
      const most = names.slice(0, Math.max(...batches))
      expect(run(verdicts)).toEqual([...most, ...most])
      const lasts = verdicts.flatMap((verdict) => (verdict.kind === 'joined' ? [verdict.last] : []))
      expect(lasts.map((last, epoch) => epochs[epoch]![last]! <= most.length)).toEqual([true, true])
      for (const rank of ranks) expect(rank).toMatchObject({ finished: true, joined: lasts })
    }),
  )
})

test('whatever ranks do, each comes to its end, and hears once of each of its operations', () => {
  const kind = fc.constantFrom('allreduce' as const, 'allgather' as const, 'broadcast' as const)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ name: fc.constantFrom(...names), kind, waits: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ wait: true }, { join: true }) },
  )
  const program = fc.array(step, { maxLength: 8 }).map((steps): Step[] => {
    const used = new Set<string>()
    const own = steps.flatMap((step): Step[] => {
      if (!('name' in step)) return [step]
      const { name, kind, waits } = step
      if (used.has(name)) return []
      used.add(name)
      const one = submission(name, { kind })
      return [waits ? { call: one } : { start: one }]
    })
    return [...own, { wait: true }]
  })
  fc.assert(
    fc.property(each(program), chance, (programs, random) => {
      const { ranks } = simulate(programs, random)
      for (const [rank, { outcomes, finished }] of ranks.entries()) {
        expect(finished).toBe(true)
        const submitted = programs[rank]!.flatMap((step) =>
          'call' in step ? [step.call.name] : 'start' in step ? [step.start.name] : [],
        )
        expect(outcomes.map(({ name }) => name).sort()).toEqual(submitted.sort())
      }
    }),
    { numRuns: 1000 },
  )
})
