import type { Links } from './links'
import { Sends } from './sends'

/** Bytes that travel as one at most: two fit into a core's cache. */
const LONGEST_SEGMENT = 512 * 1024
/** Shorter ones cost more than they hide. */
const SHORTEST_SEGMENT = 32 * 1024

/** In the first steps what arrives is added to what is there; later it takes its place. */
interface Adding {
  steps: number
  add(target: Uint8Array, source: Uint8Array): void
}

const NOTHING: Adding = { steps: 0, add: () => {} }

/**
 * Blocks go round the ring: in step s each rank sends its blocks[s] and receives its blocks[s + 1], segment by segment, and
 * hands on what has come while the rest is on the wire. Whoever sends a block has received it in the step before, so
 * nothing that is still to be sent is ever overwritten.
 */
export async function passRound(links: Links, blocks: readonly Uint8Array[], adding = NOTHING): Promise<void> {
  const { rank, size } = links
  const [next, previous] = [(rank + 1) % size, (rank + size - 1) % size]
  const segment = segmentFor(Math.max(...blocks.map(({ byteLength }) => byteLength)))
  const sends = new Sends()
  if (size > 1) for (const bytes of cut(blocks[0]!, segment)) sends.add(links.send(next, bytes))

  const arrivals = blocks.slice(1).flatMap((block, step) => cut(block, segment).map((target) => ({ target, step })))
  const scratch = spare.pop() ?? new Uint8Array(2 * LONGEST_SEGMENT)
  const receive = (i: number) => {
    const arrival = arrivals[i]
    if (!arrival) return undefined
    const { target, step } = arrival
    const place = (i % 2) * LONGEST_SEGMENT
    const into = step < adding.steps ? scratch.subarray(place, place + target.byteLength) : target
    const received = links.receive(previous, into)
    received.catch(() => {})
    return { target, step, into, received }
  }
  let [current, following] = [receive(0), receive(1)] // two are on their way at a time
  for (let i = 2; current; i++) {
    const { target, step, into, received } = current
    await sends.unlessFailed(received)
    if (into !== target) adding.add(target, into)
    if (step + 2 < blocks.length) sends.add(links.send(next, target))
    ;[current, following] = [following, receive(i)]
  }
  await sends.done()
  spare.push(scratch)
}

/** Memory of operations that have ended, for the next one. */
const spare: Uint8Array[] = []

/** At least four segments a block, where that makes them not too short; whole elements. */
const segmentFor = (block: number): number =>
  Math.min(LONGEST_SEGMENT, Math.max(SHORTEST_SEGMENT, 8 * Math.ceil(block / 32)))

function cut(bytes: Uint8Array, segment: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; at += segment) parts.push(bytes.subarray(at, at + segment))
  return parts
}
