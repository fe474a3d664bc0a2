import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { algorithmFor, chunkStart, HALVING_BELOW } from '../../src/transports/order'
import { bytesOf } from '../../src/transports/reduction'
import { ringAllgather } from '../../src/transports/tcp/allgather'
import { pairwiseAlltoall } from '../../src/transports/tcp/alltoall'
import { broadcast } from '../../src/transports/tcp/broadcast'
import { doublingAllreduce } from '../../src/transports/tcp/doubling'
import { halvingAllreduce } from '../../src/transports/tcp/halving'
import type { Links } from '../../src/transports/tcp/links'
import { ringAllreduce } from '../../src/transports/tcp/ring'
import { Views } from '../../src/transports/tcp/views'
import type { Reduction } from '../../src/transports/transport'
import { type MemoryOptions, memoryLinks } from '../support/memory-links'
import { decode, type NumberType, REDUCTIONS, randomElements, reduceNumbers, TYPES } from '../support/plain-reduction'
import { chance } from '../support/random'

const sizes = fc.integer({ min: 1, max: 9 })
/** Connections that hold nothing, a little, or everything; late at random. */
const connections = fc
  .record({ capacity: fc.constantFrom(0, 1, 7, 2 ** 30), piece: fc.constantFrom(1, 5, 1000), seed: fc.nat() })
  .map(({ seed, ...rest }): MemoryOptions => {
    const random = chance(seed)
    return { ...rest, delay: () => Math.floor(3 * random()) }
  })

/**
 * Runs an operation on all ranks. When it has ended on a rank its memory is free, so it is overwritten there.
 * @param memory of each rank: the output first
 * @returns the outputs as they were
 */
const onAll = (links: Links[], memory: Uint8Array[][], work: (links: Links) => Promise<void>) =>
  Promise.all(
    links.map(async (each) => {
      await work(each)
      const [output] = memory[each.rank]! as [Uint8Array]
      const result = new Uint8Array(output)
      for (const bytes of memory[each.rank]!) bytes.fill(255)
      return result
    }),
  )
const alone = (data: Uint8Array[]) => data.map((bytes) => [bytes])

/** An order of reduction: the value of element `i` from all ranks' elements. */
type Order = (values: number[][], i: number, add: (a: number, b: number) => number) => number

/** Rank c + 1's, c + 2's, … c's, where the element is of chunk c. */
const ringOrder: Order = (values, i, add) => {
  const size = values.length
  const elements = values[0]!.length
  const chunk = values.findIndex((_, c) => i < chunkStart(elements, size, c + 1))
  return values.map((_, k) => values[(chunk + 1 + k) % size]![i]!).reduce(add)
}

/** A balanced tree: ranks r and r + P/2 first. */
const treeOrder: Order = (values, i, add) => {
  const sum = (ranks: number[][]): number => {
    if (ranks.length === 1) return ranks[0]![i]!
    const half = ranks.length / 2
    return sum(ranks.slice(0, half).map((mine, k) => mine.map((x, j) => (j === i ? add(x, ranks[half + k]![i]!) : x))))
  }
  return sum(values)
}

function expectedSum(data: Uint8Array[], type: NumberType, op: Reduction, order: Order): number[] {
  const values = data.map((bytes) => decode(bytes, type))
  return values[0]!.map((_, i) => order(values, i, (a, b) => reduceNumbers(a, b, type, op)))
}

describe.each([
  { name: 'ring', allreduce: ringAllreduce, order: ringOrder, ranks: sizes },
  { name: 'halving', allreduce: halvingAllreduce, order: treeOrder, ranks: fc.constantFrom(1, 2, 4, 8) },
  { name: 'doubling', allreduce: doublingAllreduce, order: treeOrder, ranks: fc.constantFrom(1, 2, 4, 8) },
])('$name', ({ allreduce, order, ranks }) => {
  test.each(TYPES)(
    'is the plain reduction of %s in the documented order, on every rank, in place or not',
    async (type) => {
      await fc.assert(
        fc.asyncProperty(
          ranks,
          fc.integer({ min: 0, max: 40 }),
          fc.constantFrom(...REDUCTIONS),
          fc.nat(),
          connections,
          fc.boolean(),
          async (size, elements, op, seed, options, anywhere) => {
            const inPlace = anywhere || size === 1 // a world of one has another transport
            const data = Array.from({ length: size }, (_, rank) => randomElements(seed + rank, elements, type))
            const expected = expectedSum(data, type, op, order)
            const inputs = data.map((bytes) => new Uint8Array(bytes))
            const outputs = inPlace ? inputs : inputs.map(({ byteLength }) => new Uint8Array(byteLength))
            const results = await onAll(memoryLinks(size, options), alone(outputs), async (each) => {
              const [input, output] = [inputs[each.rank]!, outputs[each.rank]!]
              await allreduce(new Views(each), input, output, type, op)
              if (!inPlace) expect(input).toEqual(data[each.rank])
            })
            for (const bytes of results) expect(decode(bytes, type)).toEqual(expected)
          },
        ),
        { numRuns: 60 },
      )
    },
  )
})

test.each([2, 3, 5])('ring: chunks of several segments, %i ranks', async (size) => {
  const data = Array.from({ length: size }, (_, rank) => randomElements(rank, 300_001, 'bool'))
  const expected = data[0]!.map((_, i) => Number(data.some((bytes) => bytes[i] === 1)))
  const links = memoryLinks(size, { capacity: 0, piece: 2 ** 20 })
  const results = await onAll(links, alone(data), (each) =>
    ringAllreduce(new Views(each), data[each.rank]!, data[each.rank]!, 'bool', 'Sum'),
  )
  expect(results.map((bytes) => Buffer.compare(bytes, expected))).toEqual(results.map(() => 0))
})

test('which algorithm: small arrays are halved where the ranks are a power of two', () => {
  for (const size of [2, 4, 8, 64]) {
    expect(algorithmFor(size, HALVING_BELOW - 1)).toBe('halving')
    expect(algorithmFor(size, HALVING_BELOW)).toBe('ring')
  }
  for (const size of [3, 5, 6, 7, 9]) expect(algorithmFor(size, 4)).toBe('ring')
})

test('chunks are whole, in order, and differ by one element at most, the first ones longer', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 100 }), (elements, parts) => {
      const starts = Array.from({ length: parts + 1 }, (_, c) => chunkStart(elements, parts, c))
      const lengths = starts.slice(1).map((end, c) => end - starts[c]!)
      expect([starts[0], starts[parts]]).toEqual([0, elements])
      expect(lengths).toEqual([...lengths].sort((a, b) => b - a))
      expect(lengths[0]! - lengths.at(-1)!).toBeLessThanOrEqual(1)
    }),
  )
})

const bytesFrom = (seed: number, count: number) =>
  randomElements(seed, Math.ceil(count / 4), 'int32').subarray(0, count)

test('allgather: all ranks’ bytes in their order, however uneven', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes.chain((size) => fc.array(fc.nat(30), { minLength: size, maxLength: size })),
      connections,
      async (counts, options) => {
        const inputs = counts.map((count, rank) => bytesFrom(rank, count))
        const expected = Uint8Array.from(inputs.flatMap((bytes) => [...bytes]))
        const outputs = counts.map(() => new Uint8Array(expected.byteLength))
        const links = memoryLinks(counts.length, options)
        const memory = outputs.map((output, rank) => [output, inputs[rank]!])
        const results = await onAll(links, memory, (each) =>
          ringAllgather(each, inputs[each.rank]!, outputs[each.rank]!, counts),
        )
        for (const output of results) expect(output).toEqual(expected)
      },
    ),
  )
})

test('broadcast: the root’s bytes, from any root', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(8), fc.nat(40), connections, async (size, root, count, options) => {
      const data = Array.from({ length: size }, (_, rank) => bytesFrom(rank, count))
      const expected = new Uint8Array(data[root % size]!)
      const links = memoryLinks(size, options)
      const results = await onAll(links, alone(data), (each) => broadcast(each, data[each.rank]!, root % size))
      for (const bytes of results) expect(bytes).toEqual(expected)
    }),
  )
})

test.each([2, 3, 8])('broadcast of much data, %i ranks', async (size) => {
  const data = Array.from({ length: size }, (_, rank) => bytesFrom(rank, 1_200_003))
  const expected = new Uint8Array(data[1]!)
  const links = memoryLinks(size, { capacity: 0, piece: 2 ** 20 })
  const results = await onAll(links, alone(data), (each) => broadcast(each, data[each.rank]!, 1))
  expect(results.map((bytes) => Buffer.compare(bytes, expected))).toEqual(results.map(() => 0))
})

test('alltoall: each part goes where it belongs, however uneven', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes.chain((size) =>
        fc.array(fc.array(fc.nat(20), { minLength: size, maxLength: size }), { minLength: size, maxLength: size }),
      ),
      connections,
      async (counts, options) => {
        const parts = counts.map((row, from) => row.map((count, to) => bytesFrom(100 * from + to, count)))
        const joined = (all: Uint8Array[]) => Uint8Array.from(all.flatMap((bytes) => [...bytes]))
        const column = (rank: number) => counts.map((row) => row[rank]!)
        const expected = counts.map((_, rank) => joined(parts.map((row) => row[rank]!)))
        const memory = expected.map((bytes, rank) => [new Uint8Array(bytes.byteLength), joined(parts[rank]!)])
        const results = await onAll(memoryLinks(counts.length, options), memory, (links) => {
          const [output, input] = memory[links.rank]! as [Uint8Array, Uint8Array]
          return pairwiseAlltoall(links, input, counts[links.rank]!, output, column(links.rank))
        })
        expect(results).toEqual(expected)
      },
    ),
  )
})

test('elements have the sizes that the wire says', () => {
  for (const type of TYPES) expect(randomElements(1, 3, type).byteLength).toBe(3 * bytesOf[type])
})
