import type { DataType, Tensor } from '@tensorflow/tfjs-core'
import type { ReduceOp } from '@unet-industrial/horovod-lite'
import type { World } from './case'
import { REDUCTIONS, reduced } from './references'
import { chance, expectEqual, expectSame, integers, range, tensorOf, total, valuesOf } from './tools'

/** One operation, the same on all ranks. */
interface Operation {
  name: string
  kind: 'allreduce' | 'allgather' | 'broadcast' | 'alltoall'
  dtype: DataType
  op: ReduceOp
  root: number
  /** Rows of a rank (allgather), or from one rank to another (alltoall). */
  rows(rank: number, to?: number): number
  /** Numbers of a rank. */
  numbers(rank: number): number[]
}

export interface RandomOptions {
  count: number
  seed: number
  /** Largest number of numbers of one rank. */
  largest: number
}

export interface Progress {
  /** Operations so far. */
  done: number
  /** What was wrong in this batch, on this rank. */
  mismatches: string[]
}

/**
 * Random operations of random sizes, kinds and dtypes, up to 8 at once, submitted in another order on each rank; each
 * result is compared, to the bit, with what one process computes.
 */
export async function* randomOperations(
  world: World,
  { count, seed, largest }: RandomOptions,
): AsyncGenerator<Progress> {
  const random = chance(seed) // equal on all ranks
  const own = chance(seed + 1 + world.rank)
  for (let done = 0; done < count; ) {
    const batch = range(Math.min(1 + Math.floor(random() * 8), count - done)).map((i) =>
      draw(world, `random ${i}`, random, largest),
    )
    const order = batch.map((operation) => ({ operation, at: own() })).sort((a, b) => a.at - b.at)
    const blocking = batch.length === 1
    const mismatches = await Promise.all(order.map(({ operation }) => run(world, operation, blocking)))
    done += batch.length
    yield { done, mismatches: mismatches.flat() }
  }
}

function draw({ size }: World, name: string, random: () => number, largest: number): Operation {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const kind = pick(['allreduce', 'allreduce', 'allreduce', 'allgather', 'broadcast', 'alltoall'] as const)
  const [dtype, ops] = pick(REDUCTIONS)
  const numbers = Math.floor(largest ** (random() ** 2)) - 1 // most are small
  const seed = Math.floor(random() * 2 ** 30)
  const op = pick(ops.filter((op) => op !== 'Average'))
  const uneven = (a: number, b = 0) => Math.floor((numbers / size) * chance(seed + 31 * a + b)())
  const rows = (rank: number, to?: number) => (to === undefined ? uneven(rank) : uneven(rank, to + 1))
  const counts = {
    allreduce: () => numbers,
    broadcast: () => numbers,
    allgather: (rank: number) => rows(rank),
    alltoall: (rank: number) => total(range(size).map((to) => rows(rank, to))),
  }
  const root = Math.floor(random() * size)
  return { name, kind, dtype, op, root, rows, numbers: (rank) => integers(seed + rank, counts[kind](rank), -8, 8) }
}

async function run(world: World, operation: Operation, blocking: boolean): Promise<string[]> {
  const { tf, rank } = world
  const { kind, op, dtype } = operation
  const own = operation.numbers(rank)
  const tensor = tensorOf(world, own, [own.length], dtype)
  const result = blocking ? call(world, operation, tensor) : await callAsync(world, operation, tensor)
  const expected = valuesExpected(world, operation)
  try {
    expectEqual(result, expected, [expected.length / (dtype === 'complex64' ? 2 : 1)], dtype)
    return []
  } catch (error) {
    return [`${kind} (${op}) of ${own.length} ${dtype}: ${(error as Error).message}`]
  } finally {
    tf.dispose([tensor, result])
  }
}

function call(world: World, { name, kind, op, root, rows }: Operation, tensor: Tensor): Tensor {
  const { hvd, rank, ranks } = world
  if (kind === 'allreduce') return hvd.allreduce(tensor, { name, op })
  if (kind === 'allgather') return hvd.allgather(tensor, { name })
  if (kind === 'broadcast') return hvd.broadcast(tensor, { name, root })
  const { output, receivedSplits } = hvd.alltoall(
    tensor,
    ranks.map((to) => rows(rank, to)),
    { name },
  )
  expectSame(
    receivedSplits,
    ranks.map((from) => rows(from, rank)),
  )
  return output
}

async function callAsync(world: World, { name, kind, op, root, rows }: Operation, tensor: Tensor): Promise<Tensor> {
  const { hvd, rank, ranks } = world
  if (kind === 'allreduce') return hvd.allreduceAsync(tensor, { name, op })
  if (kind === 'allgather') return hvd.allgatherAsync(tensor, { name })
  if (kind === 'broadcast') return hvd.broadcastAsync(tensor, { name, root })
  return (
    await hvd.alltoallAsync(
      tensor,
      ranks.map((to) => rows(rank, to)),
      { name },
    )
  ).output
}

/** What one process computes from all ranks' numbers. */
function valuesExpected({ rank, ranks }: World, { kind, dtype, op, root, rows, numbers }: Operation) {
  if (kind === 'allreduce') return valuesOf(reduced(op, ranks.map(numbers), dtype), dtype)
  if (kind === 'broadcast') return valuesOf(numbers(root), dtype)
  if (kind === 'allgather') return ranks.flatMap((r) => valuesOf(numbers(r), dtype))
  const width = dtype === 'complex64' ? 2 : 1
  return ranks.flatMap((from) => {
    const start = total(range(rank).map((to) => rows(from, to)))
    return valuesOf(numbers(from), dtype).slice(start * width, (start + rows(from, rank)) * width)
  })
}
