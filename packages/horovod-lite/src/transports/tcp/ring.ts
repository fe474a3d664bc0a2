import { chunkStart } from '../order'
import { bytesOf, reduceInto } from '../reduction'
import type { Reduction, WireType } from '../transport'
import type { Links } from './links'

/** Bytes that travel as one: what a rank has received it hands on while the rest is on the wire. Two fit into a core's cache. */
const SEGMENT = 256 * 1024

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
  await passRound(links, chunks, { steps: size - 1, add: (target, source) => reduceInto(target, source, type, op) })
}

/** In the first steps what arrives is added to what is there; later it takes its place. */
interface Adding {
  steps: number
  add(target: Uint8Array, source: Uint8Array): void
}

const NOTHING: Adding = { steps: 0, add: () => {} }

/**
 * Blocks go round the ring: in step s each rank sends its blocks[s] and receives its blocks[s + 1], segment by segment.
 * Whoever sends a block has received it in the step before, so nothing that is still to be sent is ever overwritten.
 */
export async function passRound(links: Links, blocks: readonly Uint8Array[], adding = NOTHING): Promise<void> {
  const { rank, size } = links
  const [next, previous] = [(rank + 1) % size, (rank + size - 1) % size]
  const sent: Promise<void>[] = []
  const send = (bytes: Uint8Array) => {
    const one = links.send(next, bytes)
    one.catch(() => {}) // awaited at the end; what is received may fail first
    sent.push(one)
  }
  for (const segment of segmentsOf(blocks[0]!)) send(segment)

  const arrivals = blocks.slice(1).flatMap((block, step) => segmentsOf(block).map((target) => ({ target, step })))
  const scratch = new Uint8Array(2 * SEGMENT)
  const receive = (i: number) => {
    const arrival = arrivals[i]
    if (!arrival) return undefined
    const { target, step } = arrival
    const place = scratch.subarray((i % 2) * SEGMENT, (i % 2) * SEGMENT + target.byteLength)
    const into = step < adding.steps ? place : target
    const received = links.receive(previous, into)
    received.catch(() => {})
    return { target, step, into, received }
  }
  let [current, following] = [receive(0), receive(1)] // two are on their way at a time
  for (let i = 2; current; i++) {
    const { target, step, into, received } = current
    await received
    if (into !== target) adding.add(target, into)
    if (step + 2 < blocks.length) send(target)
    ;[current, following] = [following, receive(i)]
  }
  await Promise.all(sent)
}

function segmentsOf(bytes: Uint8Array): Uint8Array[] {
  const segments: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; at += SEGMENT) segments.push(bytes.subarray(at, at + SEGMENT))
  return segments
}
