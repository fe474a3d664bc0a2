import { hash } from 'node:crypto'
import type { Submission } from '../negotiation/submission'
import { type Native, reductionNumber, type Segment, wireNumber } from '../transports/native'
import { beginAllreduce, DONE } from '../transports/shm/allreduce'
import type { Lent, MemoryRange, Reduction } from '../transports/transport'

/** How long a rank stays at the meeting, in nanoseconds: about as long as the other way takes. */
const PATIENCE = 2_000_000
/** Bytes of what the ranks compare; a little less than `NOTE_BYTES` of native/shm/meeting.h. */
const LONGEST_NOTE = 1000

/**
 * Where all ranks are on one host and wait for the same operation at about the same time, their main threads do it
 * themselves: no message between threads and processes, no coordinator. Whoever finds others missing, or waiting for
 * something else, goes through the background thread; then all do, and everything is as it is without this.
 */
export class Shortcut {
  private readonly segment: Segment

  constructor(
    private readonly native: Native,
    private readonly lent: Lent,
    private readonly size: number,
  ) {
    this.segment = native.shmBorrow(lent.segment)
  }

  /** @param number of the operation among all of this rank @returns whether all ranks wait for it: alike on all */
  meet(number: number, submission: Submission): boolean {
    return this.native.shmMeet(this.segment, number, noteOf(submission), PATIENCE)
  }

  /** Of ranks that have met. @returns why it broke off */
  allreduce({ wire, attributes }: Submission, input: MemoryRange, output: MemoryRange): string | undefined {
    const { native, segment, size, lent } = this
    const op = attributes.reduction as Reduction
    try {
      if (lent.by === 'mpi') {
        native.mpiAllreduce(input.address, output.address, input.bytes, wireNumber(wire), reductionNumber(op))
        return undefined
      }
      let state = beginAllreduce(native, segment, size, input, output, wire, op)
      while (state > DONE) state = native.shmProceed(segment)
      return state === DONE ? undefined : `lost rank ${-2 - state}: it has given up`
    } catch (error) {
      return (error as Error).message
    }
  }

  close(): void {
    this.native.shmClose(this.segment)
  }
}

/** Equal for equal submissions, and for no others. Of many tensors a digest, which takes a fraction of the time of the text. */
function noteOf(submission: Submission): string {
  const text = JSON.stringify(submission)
  return Buffer.byteLength(text) <= LONGEST_NOTE ? text : hash('sha256', text)
}
