import { beforeAll, expect, test } from 'vitest'
import { outcomes, outcomesOf } from '../support/scenarios'
import { describeOnTransports } from '../support/transports'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0)

const SCENARIOS = ['gradients', 'orders', 'fused', 'join', 'joined', 'strings', 'objects', 'empty']

describeOnTransports('several ranks', (transport) => {
  const worlds: Record<number, Record<string, unknown[]>> = {}
  const of = <T>(size: number, scenario: string) => worlds[size]![scenario] as T[]
  beforeAll(async () => {
    for (const size of [2, 3]) worlds[size] = await outcomesOf(SCENARIOS, { size, transport })
    worlds[4] = await outcomesOf(['fused'], { size: 4, transport })
  })

  test.each([2, 3])('gradients go through all operations, back to where values came from (%i ranks)', (size) => {
    const ranks = of<Record<string, number[]>>(size, 'gradients')
    const weights = total(range(size).map((rank) => 10 ** rank)) // of the first number of each rank
    for (const [rank, got] of ranks.entries()) {
      expect(got.leaked).toBe(0)
      expect(got.max).toMatch(/got a gradient through Max, expected Average or Sum/)
      expect(got.average).toEqual([weights / size, weights / size + 1])
      expect(got.scaled).toEqual([weights / 2, (weights + size) / 2])
      expect(got.broadcast).toEqual(rank === size - 1 ? [weights / size, weights / size + 1] : [0, 0])
      const before = rank * (rank + 1) // numbers of the ranks before it
      expect(got.allgather).toEqual(range(2 * (rank + 1)).map((i) => weights / size + before + i))
      expect(got.alltoall).toHaveLength(2 * (rank + 1))
    }
    // Rows that a rank kept weigh as its own, those it sent as the receiver's, in the order in which they arrived.
    const expected = {
      2: [[1, 2], [3, 4, 10, 11]],
      3: [[1, 2], [10, 11, 100, 101], [3, 4, 5, 6, 102, 103]],
    }[size] // biome-ignore format: rank by rank
    expect(ranks.map(({ alltoall }) => alltoall)).toEqual(expected)
  })

  test('asynchronous operations in another order on each rank, and blocking ones between', () => {
    for (const got of of(3, 'orders')) expect(got).toEqual({ wrong: [], leaked: 0 })
  })

  test.each([2, 3, 4])('what is fused is chance and does not change a bit (%i ranks)', (size) => {
    const ranks = of<{ different: number; error: number; leaked: number }>(size, 'fused')
    for (const got of ranks) {
      expect(got).toEqual({ ...ranks[0], different: 1, leaked: 0 })
      expect(got.error).toBeLessThan(1e-6)
    }
  })

  test.each([2, 3])('ranks with fewer batches join (%i ranks)', (size) => {
    interface Epoch {
      steps: number[][][]
      last: number
    }
    const ranks = of<{ epochs: Epoch[]; after: number[]; leaked: number }>(size, 'join')
    const batches = (rank: number, epoch: number) => 2 + ((rank + epoch) % size)
    for (const [rank, { epochs, after, leaked }] of ranks.entries()) {
      expect({ after, leaked }).toEqual({ after: [size], leaked: 0 })
      for (const [epoch, { steps, last }] of epochs.entries()) {
        const longest = range(size).reduce((a, b) => (batches(b, epoch) > batches(a, epoch) ? b : a))
        expect(last).toBe(longest)
        expect(steps).toHaveLength(batches(rank, epoch))
        for (const [step, [sum, min, max, product, large, bools]] of steps.entries()) {
          const there = range(size).filter((other) => batches(other, epoch) > step)
          const values = there.map((other) => other + 2)
          expect(sum).toEqual([total(values), -total(values)])
          expect(min).toEqual([Math.min(...values), -Math.max(...values)])
          expect(max).toEqual([Math.max(...values), -Math.min(...values)])
          const all = values.reduce((a, b) => a * b)
          expect(product).toEqual([all, values.length % 2 ? -all : all])
          const average = Math.fround(total(there.map((other) => other + 1)) / size) // those that joined count as zero
          for (const value of large!) expect(value).toBeCloseTo(average, 5)
          expect(bools).toEqual([1, 0])
        }
      }
    }
  })

  test('only reductions and barriers go on while a rank has joined', () => {
    const ranks = of<{ refused?: string; last: number }>(3, 'joined')
    for (const [rank, { refused, last }] of ranks.entries()) {
      expect(last).toBe(ranks[0]!.last)
      if (rank !== 1) expect(refused).toMatch(/^Error: allgather rows: .*rank 1 ha[sd] joined, expected allreduce only/)
    }
  })

  test('strings', () => {
    const ranks = of(3, 'strings')
    for (const [rank, got] of ranks.entries())
      expect(got).toEqual({
        all: [[3], ' of 1', ' of 2', 'é of 2'],
        sent: [[1, 2], '1', 'x'],
        output: [[3, 2], ...range(3).flatMap((from) => [`${from} to ${rank}`, ''])],
        receivedSplits: [1, 1, 1],
        variables: ['of 1', 1, 1],
      })
  })

  test('objects of any kind and size', () => {
    for (const got of of(3, 'objects'))
      expect(got).toEqual({ sent: [2, 2000, 2, true], all: range(3).map((rank) => [rank, rank * 1000]) })
  })

  test('tensors without numbers', () => {
    const shapes = [[3, 0], [0, 3], [2, 3], [0, 3], [3, 0], [3, 0], [3, 0], [3, 0]] // biome-ignore format: one line
    for (const got of of(3, 'empty')) expect(got).toEqual({ shapes, group: 0 })
  })
})

test('one read-back an operation, one a dtype of a group, none on ranks that only receive', async () => {
  const expected = { one: 1, group: 1, dtypes: 2, gather: 1, variables: 0, alltoall: 1, object: 0 }
  for (const got of await outcomes('reads', { size: 2 })) expect(got).toEqual(expected)
})
