import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { type Native, reductionNumber, wireNumber } from '../native'
import type { MemoryRange, Reduction, WireType } from '../transport'
import type { Mover, Route } from './mover'

/** No descriptor: an error only where something has still to be moved. */
export const CLOSED = -1

/** The ranks' sockets, while no other bytes travel on them. */
export interface Sockets {
  readonly rank: number
  readonly size: number
  /** Opens one that is not open yet. @returns its descriptor now, or CLOSED: the other side may have done its part and left */
  openTo(rank: number): Promise<() => number>
  openFrom(rank: number): Promise<() => number>
  /** @throws what is to be said of it */
  lost(rank: number, reason: Error): never
}

/** Moves memory by the addon, straight between the sockets and wherever it is. */
export class Addresses implements Mover<MemoryRange> {
  readonly rank: number
  readonly size: number
  private readonly pass
  private memory = new Uint8Array(4096)

  constructor(
    private readonly native: Native,
    private readonly sockets: Sockets,
  ) {
    this.rank = sockets.rank
    this.size = sockets.size
    this.pass = native.tcpPass()
  }

  part({ address }: MemoryRange, start: number, end: number): MemoryRange {
    return { address: address + start, bytes: end - start }
  }

  length({ bytes }: MemoryRange): number {
    return bytes
  }

  scratch(bytes: number): MemoryRange {
    if (this.memory.byteLength < bytes) this.memory = new Uint8Array(bytes)
    return { address: this.native.addressOf(this.memory), bytes }
  }

  reduce(target: MemoryRange, x: MemoryRange, y: MemoryRange, type: WireType, op: Reduction): void {
    this.native.reduce(target.address, x.address, y.address, target.bytes, wireNumber(type), reductionNumber(op))
  }

  async run(route: Route<MemoryRange>, type: WireType = 'bytes', op: Reduction = 'Sum'): Promise<void> {
    const { native, pass, sockets } = this
    const { to, from, outgoing, incoming, lead } = route
    const sent = outgoing.map((part) => [part.address, 0, part.bytes])
    const received = incoming.map(({ into, own }) => [into.address, own?.address ?? 0, into.bytes])
    const [bytesOut, bytesIn] = [sent, received].map((parts) => parts.reduce((sum, [, , bytes]) => sum + bytes!, 0))
    const [out, into] = await Promise.all([
      bytesOut ? sockets.openTo(to) : none, // the other side opens none either
      bytesIn ? sockets.openFrom(from) : none,
    ])
    const [wire, reduction] = [wireNumber(type), reductionNumber(op)]
    native.tcpBegin(pass, numbers(sent), numbers(received), lead ?? bytesOut!, wire, reduction)
    for (;;) {
      // Asked for every time: between two calls a socket may be closed, and its number another's.
      const state = native.tcpProceed(pass, out(), into())
      if (state === 0) return
      if (state < 0) sockets.lost(state % 2 ? from : to, errorOf(-state >> 1))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const none = () => CLOSED

const numbers = (parts: number[][]): Float64Array => Float64Array.from(parts.flat())

const errorOf = (error: number): Error =>
  new Error(error === 0 || error === constants.errno.EBADF ? 'it closed the connection' : getSystemErrorName(-error))
