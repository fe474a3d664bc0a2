import type { Native, Segment } from '../native'
import type { Peer, Transport } from '../transport'
import { ShmTransport } from './shm'

export interface OpenOptions {
  native: Native
  rank: number
  peers: readonly Peer[]
  /** How the ranks tell each other. */
  tcp: Pick<Transport, 'allgather' | 'broadcast'>
  /** Bytes of shared memory for each rank; rank 0's counts. */
  buffer: number
}

/** Rank 0 makes a segment and tells the others where it is. @returns the transport, or for all ranks why there is none */
export async function openShm(options: OpenOptions): Promise<ShmTransport | { reason: string }> {
  const { native, rank, peers, tcp } = options
  const opened = await openSegment(options)
  const [own, segment] = typeof opened === 'string' ? [opened, undefined] : ['', opened]
  const reasons = await tellAll(tcp, peers.length, own)
  const failed = reasons.findIndex((reason) => reason !== '')
  if (!segment || failed >= 0) {
    if (segment) native.shmClose(segment)
    return { reason: `${reasons[failed]} (rank ${failed}, ${peers[failed]!.host})` }
  }
  native.shmSeal(segment)
  return new ShmTransport(native, segment, rank, peers)
}

/** This rank's segment, or what is wrong. */
async function openSegment({ native, rank, peers, tcp, buffer }: OpenOptions): Promise<Segment | string> {
  const size = peers.length
  const made = rank === 0 ? attempt(() => native.shmOpen(0, size, buffer, null)) : ''
  const note = padded(typeof made === 'string' ? '' : `${buffer} ${native.shmName(made)}`)
  await tcp.broadcast(note, 0)
  if (rank === 0) return made
  const [bytes, name] = text(note).split(' ')
  return name ? attempt(() => native.shmOpen(rank, size, Number(bytes), name)) : 'rank 0 has made no shared memory'
}

function attempt<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    return (error as Error).message
  }
}

/** Every rank's line, on every rank. */
async function tellAll(tcp: OpenOptions['tcp'], size: number, line: string): Promise<string[]> {
  const all = new Uint8Array(size * NOTE)
  await tcp.allgather(padded(line), all, Array<number>(size).fill(NOTE))
  return Array.from({ length: size }, (_, r) => text(all.subarray(r * NOTE, (r + 1) * NOTE)))
}

const NOTE = 256

function padded(line: string): Uint8Array {
  const note = new Uint8Array(NOTE)
  new TextEncoder().encodeInto(line, note)
  return note
}

const text = (note: Uint8Array): string => new TextDecoder().decode(note).replace(/\0+$/, '')
