import { chunkStart } from '../order'
import { bytesOf } from '../reduction'
import type { Reduction, WireType } from '../transport'
import type { Mover } from './mover'

/**
 * Ring all-reduce (Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009): P − 1
 * steps in which each rank adds what it gets from the rank before it and hands it on, then P − 1 in which the sums
 * go round. Each rank sends and receives 2 (P − 1) / P of the array. Whoever sends a chunk has received it in the step
 * before, so nothing that is still to be sent is ever overwritten.
 */
export async function ringAllreduce<M>(mover: Mover<M>, input: M, output: M, type: WireType, op: Reduction) {
  const { rank, size } = mover
  const unit = bytesOf[type]
  const elements = mover.length(input) / unit
  const chunk = (memory: M, c: number) =>
    mover.part(memory, chunkStart(elements, size, c) * unit, chunkStart(elements, size, c + 1) * unit)
  const chunks = Array.from({ length: 2 * size - 1 }, (_, step) => (2 * size + rank - 1 - step) % size)
  const outgoing = chunks.slice(0, -1).map((c, step) => chunk(step === 0 ? input : output, c))
  const incoming = chunks.slice(1).map((c, step) => ({
    into: chunk(output, c),
    own: step < size - 1 ? chunk(input, c) : undefined,
  }))
  const lead = size > 1 ? mover.length(outgoing[0]!) : 0
  await mover.run({ to: (rank + 1) % size, from: (rank + size - 1) % size, outgoing, incoming, lead }, type, op)
}
