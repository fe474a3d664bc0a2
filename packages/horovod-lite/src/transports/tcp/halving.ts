import { chunkStart } from '../order'
import { reduce } from '../reduce'
import { bytesOf } from '../reduction'
import type { Reduction, WireType } from '../transport'
import type { Links } from './links'

/**
 * Recursive halving and doubling (Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
 * MPICH, 2005): pairs at distance P/2, P/4, … 1 swap halves and add them, then 1, 2, … P/2 swap the sums. For P a power
 * of two. In place.
 */
export async function halvingAllreduce(links: Links, data: Uint8Array, type: WireType, op: Reduction): Promise<void> {
  const { rank, size } = links
  const unit = bytesOf[type]
  const elements = data.byteLength / unit
  const part = (first: number, count: number) =>
    data.subarray(chunkStart(elements, size, first) * unit, chunkStart(elements, size, first + count) * unit)
  const scratch = new Uint8Array(data.byteLength)

  let first = 0 // of the chunks that this rank still reduces
  for (let distance = size / 2; distance >= 1; distance /= 2) {
    const partner = rank ^ distance
    const [mine, theirs] = rank & distance ? [first + distance, first] : [first, first + distance]
    const own = part(mine, distance)
    const received = scratch.subarray(0, own.byteLength)
    await Promise.all([links.send(partner, part(theirs, distance)), links.receive(partner, received)])
    reduce(own, received, type, op)
    first = mine
  }
  for (let distance = 1; distance < size; distance *= 2) {
    const partner = rank ^ distance
    const start = first & ~(2 * distance - 1)
    const theirs = first === start ? start + distance : start
    await Promise.all([links.send(partner, part(first, distance)), links.receive(partner, part(theirs, distance))])
    first = start
  }
}
