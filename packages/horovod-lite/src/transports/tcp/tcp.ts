import { connect } from '../../wire/connect'
import type { Connection } from '../../wire/connection'
import type { Native } from '../native'
import type { MemoryRange, Peer, Reduction, Transport, WireType } from '../transport'
import { Addresses, CLOSED, type Sockets } from './addresses'
import { ringAllgather } from './allgather'
import { allreduce } from './allreduce'
import { pairwiseAlltoall } from './alltoall'
import { broadcast } from './broadcast'
import type { Links } from './links'
import { Views } from './views'

/** Role of the connections that carry tensors. Each carries one direction and is opened by the side that receives. */
export const DATA_ROLE = 'data'
/** The side that receives reads no more of the handshake: bytes may come, and stay with the system until they are asked for. */
const READY = 64

export interface TcpOptions {
  rank: number
  peers: readonly Peer[]
  /** Of the world that these ranks are of. */
  generation: number
  secret: string
  timeoutSeconds: number
  /** The addon, where it is loaded: reductions go by it then, with the same bytes on the wire. */
  native?: Native
}

/** Sockets between hosts: ring or recursive halving. Connections are opened when they are first needed. */
export class TcpTransport implements Transport, Links, Sockets {
  readonly name = 'tcp'
  readonly rank: number
  readonly size: number
  allreduceDirect?: Transport['allreduceDirect']
  private readonly incoming = new Map<number, Promise<Connection>>()
  private readonly outgoing = new Map<number, Slot>()
  private failure?: Error
  /** The addon's operation; its memory stays where it is. */
  private underWay?: { memory?: Uint8Array }
  private break!: (reason: Error) => void
  private readonly broken = new Promise<never>((_, reject) => {
    this.break = reject
  })

  constructor(private readonly options: TcpOptions) {
    this.rank = options.rank
    this.size = options.peers.length
    this.broken.catch(() => {})
    if (options.native) this.reduceBy(options.native)
  }

  /** A peer has connected to receive from this rank; the listener's owner calls it. */
  accept(rank: number, connection: Connection): void {
    const slot = this.options.peers[rank] && !this.failure ? this.slot(rank) : undefined
    if (!slot?.take()) {
      connection.close()
      return
    }
    connection.unref()
    connection.onFrame = () => {
      connection.startRaw()
      slot.fill(connection)
    }
  }

  async send(to: number, bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength === 0) return
    const connection = await this.slot(to).connection
    await connection.write(bytes).catch((reason: Error) => this.lost(to, reason))
  }

  async receive(from: number, into: Uint8Array): Promise<void> {
    if (into.byteLength === 0) return
    const connection = await this.source(from)
    await connection.receiveInto(into).catch((reason: Error) => this.lost(from, reason))
  }

  allreduce: Transport['allreduce'] = (data, type, op) => allreduce(new Views(this), data, data, type, op)

  private reduceBy(native: Native): void {
    const mover = new Addresses(native, this)
    const reduce = async (
      input: MemoryRange,
      output: MemoryRange,
      type: WireType,
      op: Reduction,
      memory?: Uint8Array,
    ) => {
      if (this.underWay) throw new Error('tcp: got an operation while another is under way, expected one at a time')
      this.underWay = { memory }
      try {
        await allreduce(mover, input, output, type, op)
      } finally {
        this.underWay = undefined
      }
    }
    this.allreduceDirect = (input, output, type, op) => reduce(input, output, type, op)
    this.allreduce = (data, type, op) => {
      const memory = { address: native.addressOf(data), bytes: data.byteLength }
      return reduce(memory, memory, type, op, data)
    }
  }

  allgather: Transport['allgather'] = (input, output, counts) => ringAllgather(this, input, output, counts)
  broadcast: Transport['broadcast'] = (data, root) => broadcast(this, data, root)
  alltoall: Transport['alltoall'] = (...parts) => pairwiseAlltoall(this, ...parts)

  async close(): Promise<void> {
    this.fail(new Error('the transport is closed'))
  }

  /** Everything that waits, and everything later, rejects. */
  private fail(reason: Error): void {
    this.failure ??= reason
    this.break(this.failure)
    for (const slot of this.outgoing.values()) {
      slot.fail(this.failure)
      slot.connection.then((connection) => connection.close()).catch(() => {})
    }
    for (const opening of this.incoming.values()) opening.then((connection) => connection.close()).catch(() => {})
  }

  private source(from: number): Promise<Connection> {
    if (this.failure) return Promise.reject(this.failure)
    const known = this.incoming.get(from)
    if (known) return known
    const opened = this.connect(from).catch((reason: Error) => this.lost(from, reason))
    const usable = Promise.race([opened, this.broken]) // a dead peer is tried for long
    this.incoming.set(from, usable)
    return usable
  }

  private async connect(from: number): Promise<Connection> {
    const { peers, rank, generation, secret, timeoutSeconds } = this.options
    const hello = { role: DATA_ROLE, rank, generation }
    const { addresses } = peers[from]!
    const connection = await connect({ ...hello, addresses, secret, timeoutSeconds, raw: true })
    connection.send(READY).catch(() => {})
    connection.unref()
    if (this.failure) connection.close()
    return connection
  }

  private slot(to: number): Slot {
    const slot = this.outgoing.get(to) ?? new Slot()
    this.outgoing.set(to, slot)
    if (this.failure) slot.fail(this.failure)
    return slot
  }

  async openTo(rank: number): Promise<() => number> {
    return descriptorOf(await this.slot(rank).connection)
  }

  async openFrom(rank: number): Promise<() => number> {
    return descriptorOf(await this.source(rank))
  }

  lost(rank: number, { message }: Error): never {
    const { host, pid } = this.options.peers[rank]!
    throw this.failure ?? new Error(`lost rank ${rank} (${host}, pid ${pid}): ${message}`)
  }
}

const descriptorOf = (connection: Connection) => () => connection.descriptor ?? CLOSED

/** A connection that the peer will open. */
class Slot {
  private taken = false
  fill!: (connection: Connection) => void
  fail!: (reason: Error) => void
  readonly connection = new Promise<Connection>((resolve, reject) => {
    this.fill = resolve
    this.fail = reject
  })

  constructor() {
    this.connection.catch(() => {})
  }

  /** @returns false where there is one already */
  take(): boolean {
    const free = !this.taken
    this.taken = true
    return free
  }
}
