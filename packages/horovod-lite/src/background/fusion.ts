import type { Submission } from '../negotiation/submission'
import { HALVING_BELOW } from '../transports/order'

/** Of what a rank sends: which operations share a run. */
interface Place {
  size: number
  transport: string
}

/**
 * Cuts operations that were fused into the runs that they share. Which small operations meet is chance, and a result must
 * not depend on it: rounded sums of more than two ranks share a run only where their order is the same at any place in it.
 * @returns indices of `like`, run by run
 */
export function runsOf(like: readonly Submission[], place: Place): number[][] {
  const limit = longestRun(like[0]!, place)
  const runs: number[][] = []
  let bytes = 0
  for (const [i, submission] of like.entries()) {
    bytes += submission.bytes
    if (runs.length > 0 && bytes < limit) runs.at(-1)!.push(i)
    else {
      runs.push([i])
      bytes = submission.bytes
    }
  }
  return runs
}

function longestRun({ wire, attributes: { reduction } }: Submission, { size, transport }: Place): number {
  const exact = wire === 'int32' || wire === 'bool' || reduction === 'Min' || reduction === 'Max'
  if (exact || size <= 2) return Number.POSITIVE_INFINITY
  const powerOfTwo = (size & (size - 1)) === 0
  return powerOfTwo && (transport === 'tcp' || transport === 'shm') ? HALVING_BELOW : 0
}

/** The memory that fused operations share, kept for the next ones. */
export class FusionBuffer {
  private memory = new Uint8Array()

  /** Copies parts in, one after the other. */
  fill(parts: readonly Uint8Array[]): Uint8Array {
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (this.memory.byteLength < bytes) this.memory = new Uint8Array(bytes)
    let at = 0
    for (const part of parts) {
      this.memory.set(part, at)
      at += part.byteLength
    }
    return this.memory.subarray(0, bytes)
  }

  /** Copies them out again. */
  empty(parts: readonly Uint8Array[]): void {
    let at = 0
    for (const part of parts) {
      part.set(this.memory.subarray(at, at + part.byteLength))
      at += part.byteLength
    }
  }
}
