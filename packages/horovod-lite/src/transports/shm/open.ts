import type { Native, Segment } from '../native'
import type { Peer, Transport } from '../transport'

export interface OpenOptions {
  native: Native
  rank: number
  peers: readonly Peer[]
  /** How the ranks tell each other. */
  through: Pick<Transport, 'allgather' | 'broadcast'>
  /** Bytes of shared memory for each rank; rank 0's counts. */
  buffer: number
}

/** Of native/shm/segment.h. */
const MOST_RANKS = 256

/** Rank 0 makes a segment and tells the others where it is. @returns for all ranks alike: it, or why there is none */
export async function openSegment(options: OpenOptions): Promise<{ segment: Segment } | { reason: string }> {
  const { native, peers } = options
  if (peers.length > MOST_RANKS)
    return { reason: `got ${peers.length} ranks, shared memory takes ${MOST_RANKS} at most` }
  const opened: { segment?: Segment } = {}
  try {
    const reasons = await tellAll(options, await openHere(options, opened))
    const failed = reasons.findIndex((reason) => reason !== '')
    if (failed >= 0) return { reason: `${reasons[failed]} (rank ${failed}, ${peers[failed]!.host})` }
    const segment = opened.segment!
    native.shmSeal(segment)
    opened.segment = undefined // it is the caller's
    return { segment }
  } finally {
    if (opened.segment) native.shmClose(opened.segment)
  }
}

/** @returns what is wrong on this rank; '' where nothing is */
async function openHere({ native, rank, peers, through, buffer }: OpenOptions, opened: { segment?: Segment }) {
  const open = (bytes: number, name: string | null): string => {
    try {
      opened.segment = native.shmOpen(rank, peers.length, bytes, name)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  const own = rank === 0 ? open(buffer, null) : ''
  const note = padded(opened.segment ? `${buffer} ${native.shmName(opened.segment)}` : '')
  await through.broadcast(note, 0)
  if (rank === 0) return own
  const [bytes, name] = text(note).split(' ')
  return name ? open(Number(bytes), name) : 'rank 0 has made no shared memory'
}

/** Every rank's line, on every rank. */
async function tellAll({ through, peers: { length: size } }: OpenOptions, line: string): Promise<string[]> {
  const all = new Uint8Array(size * NOTE)
  await through.allgather(padded(line), all, Array<number>(size).fill(NOTE))
  return Array.from({ length: size }, (_, r) => text(all.subarray(r * NOTE, (r + 1) * NOTE)))
}

const NOTE = 256

function padded(line: string): Uint8Array {
  const note = new Uint8Array(NOTE)
  new TextEncoder().encodeInto(line, note)
  return note
}

const text = (note: Uint8Array): string => new TextDecoder().decode(note).replace(/\0+$/, '')
