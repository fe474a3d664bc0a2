import type { Reduction, WireType } from '../transport'
import type { Mover } from './mover'

/**
 * Recursive doubling: pairs at distance P/2, P/4, … 1 swap all that they have and add it. As many bytes as halving moves, or
 * more, in half as many steps; the sums are of the same tree. For P a power of two.
 */
export async function doublingAllreduce<M>(mover: Mover<M>, input: M, output: M, type: WireType, op: Reduction) {
  const { rank, size } = mover
  const theirs = mover.scratch(mover.length(input))
  let summed = input
  for (let distance = size / 2; distance >= 1; distance /= 2) {
    const partner = rank ^ distance
    await mover.run({ to: partner, from: partner, outgoing: [summed], incoming: [{ into: theirs }] }, type, op)
    mover.reduce(output, summed, theirs, type, op)
    summed = output
  }
}
