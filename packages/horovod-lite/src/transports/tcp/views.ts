import { reduce } from '../reduce'
import type { Reduction, WireType } from '../transport'
import type { Links } from './links'
import type { Mover, Route } from './mover'
import { Sends } from './sends'

/** Bytes that travel as one at most: two fit into a core's cache. */
const LONGEST_SEGMENT = 512 * 1024
/** Shorter ones cost more than they hide. */
const SHORTEST_SEGMENT = 32 * 1024

/** Moves arrays of JavaScript over links, segment by segment: what has come goes on while the rest is on the wire. */
export class Views implements Mover<Uint8Array> {
  readonly rank: number
  readonly size: number

  constructor(private readonly links: Links) {
    this.rank = links.rank
    this.size = links.size
  }

  part(memory: Uint8Array, start: number, end: number): Uint8Array {
    return memory.subarray(start, end)
  }

  length({ byteLength }: Uint8Array): number {
    return byteLength
  }

  scratch(bytes: number): Uint8Array {
    return new Uint8Array(bytes)
  }

  reduce(target: Uint8Array, x: Uint8Array, y: Uint8Array, type: WireType, op: Reduction): void {
    if (target !== x) target.set(x)
    reduce(target, y, type, op)
  }

  async run(route: Route<Uint8Array>, type: WireType = 'bytes', op: Reduction = 'Sum'): Promise<void> {
    const { links } = this
    const { to, from, outgoing, incoming, lead = Infinity } = route
    const segment = segmentFor(Math.max(...[...outgoing, ...incoming.map(({ into }) => into)].map(this.length)))
    const departures = outgoing.flatMap((bytes) => cut(bytes, segment))
    const arrivals = incoming.flatMap(({ into, own }) => {
      const owns = own && cut(own, segment)
      return cut(into, segment).map((target, i) => ({ target, own: owns?.[i] }))
    })
    const sends = new Sends()
    let [sent, received] = [0, 0]
    const sendOn = () => {
      for (let next = departures[0]; next && sent + next.byteLength <= lead + received; next = departures[0]) {
        sends.add(links.send(to, next))
        sent += next.byteLength
        departures.shift()
      }
    }
    const scratch = spare.pop() ?? new Uint8Array(2 * LONGEST_SEGMENT)
    const receive = (i: number) => {
      const arrival = arrivals[i]
      if (!arrival) return undefined
      const { target, own } = arrival
      const place = (i % 2) * LONGEST_SEGMENT
      const into = own ? scratch.subarray(place, place + target.byteLength) : target
      const done = links.receive(from, into)
      done.catch(() => {})
      return { target, own, into, done }
    }
    sendOn()
    let [current, following] = [receive(0), receive(1)] // two are on their way at a time
    for (let i = 2; current; i++) {
      const { target, own, into, done } = current
      await sends.unlessFailed(done)
      if (own) this.reduce(target, own, into, type, op)
      received += target.byteLength
      sendOn()
      ;[current, following] = [following, receive(i)]
    }
    await sends.done()
    spare.push(scratch)
  }
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
