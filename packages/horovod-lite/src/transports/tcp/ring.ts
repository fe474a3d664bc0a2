import { chunkStart } from '../order'
import { reduce } from '../reduce'
import { bytesOf } from '../reduction'
import type { Reduction, WireType } from '../transport'
import type { Links } from './links'
import { passRound } from './round'

/**
 * Ring all-reduce (Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009): P − 1
 * steps in which each rank adds what it gets from the rank before it and hands it on, then P − 1 in which the sums
 * go round. Each rank sends and receives 2 (P − 1) / P of the array. In place.
 */
export async function ringAllreduce(links: Links, data: Uint8Array, type: WireType, op: Reduction): Promise<void> {
  const { rank, size } = links
  const unit = bytesOf[type]
  const elements = data.byteLength / unit
  const chunk = (c: number) =>
    data.subarray(chunkStart(elements, size, c) * unit, chunkStart(elements, size, c + 1) * unit)
  const chunks = Array.from({ length: 2 * size - 1 }, (_, step) => chunk((2 * size + rank - 1 - step) % size))
  await passRound(links, chunks, { steps: size - 1, add: (target, source) => reduce(target, source, type, op) })
}
