import { algorithmFor } from '../order'
import type { Reduction, WireType } from '../transport'
import { doublingAllreduce } from './doubling'
import { halvingAllreduce } from './halving'
import type { Mover } from './mover'
import { ringAllreduce } from './ring'

/** Of what is halved by its order, less is swapped whole: two ranks move as many bytes then, more ranks more. */
const DOUBLING_BELOW = 4096

/** From memory to memory, which may be the same. */
export function allreduce<M>(mover: Mover<M>, input: M, output: M, type: WireType, op: Reduction): Promise<void> {
  const { size } = mover
  const bytes = mover.length(input)
  if (algorithmFor(size, bytes) === 'ring') return ringAllreduce(mover, input, output, type, op)
  if (size === 2 || bytes < DOUBLING_BELOW) return doublingAllreduce(mover, input, output, type, op)
  return halvingAllreduce(mover, input, output, type, op)
}
