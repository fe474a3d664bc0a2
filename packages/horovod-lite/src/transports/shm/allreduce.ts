import { type Native, reductionNumber, type Segment, wireNumber } from '../native'
import { algorithmFor } from '../order'
import type { MemoryRange, Reduction, WireType } from '../transport'

/** What an operation gives at its end. Greater numbers: it goes on; smaller ones: −2 − the rank that is lost. */
export const DONE = -1

/** Goes on by `shmProceed` where it gives more than DONE. */
export function beginAllreduce(
  native: Native,
  segment: Segment,
  size: number,
  input: MemoryRange,
  output: MemoryRange,
  type: WireType,
  op: Reduction,
): number {
  const tree = algorithmFor(size, input.bytes) === 'halving' ? 1 : 0
  const [wire, reduction] = [wireNumber(type), reductionNumber(op)]
  return native.shmAllreduce(segment, input.address, output.address, input.bytes, wire, reduction, tree)
}
