import { chunkStart } from '../order'
import { bytesOf, reduceInto } from '../reduction'
import type { Reduction, WireType } from '../transport'
import type { Links } from './links'

/** Pieces in which a chunk travels, so that one is reduced while the next is on the wire. */
const SEGMENT = 512 * 1024

/**
 * Ring all-reduce (Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009): P − 1
 * steps in which each rank adds what it gets from the rank before it and hands it on, then P − 1 in which the sums
 * go round. Each rank sends and receives 2 (P − 1) / P of the array. In place.
 */
export async function ringAllreduce(links: Links, data: Uint8Array, type: WireType, op: Reduction): Promise<void> {
  const { rank, size } = links
  const [next, previous] = [(rank + 1) % size, (rank + size - 1) % size]
  const scratch = new Uint8Array(2 * SEGMENT)
  const segments = (chunk: number) => segmentsOf(data, type, size, (chunk + 2 * size) % size)

  for (let step = 0; step < size - 1; step++) {
    const sent = sendAll(links, next, segments(rank - step - 1))
    for await (const [target, received] of receiveAll(links, previous, segments(rank - step - 2), scratch))
      reduceInto(target, received, type, op)
    await sent
  }
  for (let step = 0; step < size - 1; step++) {
    const sent = sendAll(links, next, segments(rank - step))
    await Promise.all(segments(rank - step - 1).map((segment) => links.receive(previous, segment)))
    await sent
  }
}

function sendAll(links: Links, to: number, segments: Uint8Array[]): Promise<unknown> {
  const sent = Promise.all(segments.map((segment) => links.send(to, segment)))
  sent.catch(() => {}) // awaited later; what is received may fail first
  return sent
}

/** Segments' places, each with what has come for it. Two are on their way at a time. */
async function* receiveAll(links: Links, from: number, segments: Uint8Array[], scratch: Uint8Array) {
  const start = (i: number) => {
    const target = segments[i]
    if (!target) return undefined
    const at = (i % 2) * SEGMENT
    const into = scratch.subarray(at, at + target.byteLength)
    const arrived = links.receive(from, into)
    arrived.catch(() => {})
    return { target, into, arrived }
  }
  let [current, following] = [start(0), start(1)]
  for (let i = 2; current; i++) {
    await current.arrived
    yield [current.target, current.into] as const
    ;[current, following] = [following, start(i)]
  }
}

/** A chunk's bytes, cut into whole elements. */
function segmentsOf(data: Uint8Array, type: WireType, size: number, chunk: number): Uint8Array[] {
  const unit = bytesOf[type]
  const elements = data.byteLength / unit
  const start = chunkStart(elements, size, chunk) * unit
  const end = chunkStart(elements, size, chunk + 1) * unit
  const segments: Uint8Array[] = []
  for (let at = start; at < end; at += SEGMENT) segments.push(data.subarray(at, Math.min(end, at + SEGMENT)))
  return segments
}
