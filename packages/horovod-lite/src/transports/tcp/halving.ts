import { chunkStart } from '../order'
import { bytesOf } from '../reduction'
import type { Reduction, WireType } from '../transport'
import type { Mover } from './mover'

/**
 * Recursive halving and doubling (Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
 * MPICH, 2005): pairs at distance P/2, P/4, … 1 swap halves and add them, then 1, 2, … P/2 swap the sums. For P a power
 * of two.
 */
export async function halvingAllreduce<M>(mover: Mover<M>, input: M, output: M, type: WireType, op: Reduction) {
  const { rank, size } = mover
  const unit = bytesOf[type]
  const elements = mover.length(input) / unit
  const part = (memory: M, first: number, count: number) =>
    mover.part(memory, chunkStart(elements, size, first) * unit, chunkStart(elements, size, first + count) * unit)
  const swap = (partner: number, sent: M, into: M, own?: M) =>
    mover.run({ to: partner, from: partner, outgoing: [sent], incoming: [{ into, own }] }, type, op)

  let first = 0 // of the chunks that this rank still reduces
  let summed = input // as far as it has come
  for (let distance = size / 2; distance >= 1; distance /= 2) {
    const [mine, theirs] = rank & distance ? [first + distance, first] : [first, first + distance]
    await swap(
      rank ^ distance,
      part(summed, theirs, distance),
      part(output, mine, distance),
      part(summed, mine, distance),
    )
    first = mine
    summed = output
  }
  for (let distance = 1; distance < size; distance *= 2) {
    const start = first & ~(2 * distance - 1)
    const theirs = first === start ? start + distance : start
    await swap(rank ^ distance, part(output, first, distance), part(output, theirs, distance))
    first = start
  }
}
