import { connect } from '../../wire/connect'
import type { Connection } from '../../wire/connection'
import { algorithmFor } from '../order'
import type { Peer, Transport } from '../transport'
import { ringAllgather } from './allgather'
import { pairwiseAlltoall } from './alltoall'
import { broadcast } from './broadcast'
import { halvingAllreduce } from './halving'
import type { Links } from './links'
import { ringAllreduce } from './ring'

/** Role of the connections that carry tensors. Each carries one direction and is opened by the side that receives. */
export const DATA_ROLE = 'data'

export interface TcpOptions {
  rank: number
  peers: readonly Peer[]
  /** Of the world that these ranks are of. */
  generation: number
  secret: string
  timeoutSeconds: number
}

/** Sockets between hosts: ring or recursive halving. Connections are opened when they are first needed. */
export class TcpTransport implements Transport, Links {
  readonly name = 'tcp'
  readonly rank: number
  readonly size: number
  private readonly incoming = new Map<number, Promise<Connection>>()
  private readonly outgoing = new Map<number, Slot>()
  private failure?: Error
  private break!: (reason: Error) => void
  private readonly broken = new Promise<never>((_, reject) => {
    this.break = reject
  })

  constructor(private readonly options: TcpOptions) {
    this.rank = options.rank
    this.size = options.peers.length
    this.broken.catch(() => {})
  }

  /** A peer has connected to receive from this rank; the listener's owner calls it. */
  accept(rank: number, connection: Connection): void {
    if (this.options.peers[rank] && !this.failure && this.slot(rank).fill(connection)) {
      connection.startRaw()
      connection.unref()
    } else connection.close()
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

  allreduce: Transport['allreduce'] = (data, type, op) =>
    algorithmFor(this.size, data.byteLength) === 'ring'
      ? ringAllreduce(this, data, type, op)
      : halvingAllreduce(this, data, type, op)

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
    const opened = this.open(from).catch((reason: Error) => this.lost(from, reason))
    const usable = Promise.race([opened, this.broken]) // a dead peer is tried for long
    this.incoming.set(from, usable)
    return usable
  }

  private async open(from: number): Promise<Connection> {
    const { rank, peers, ...rest } = this.options
    const connection = await connect({ ...rest, addresses: peers[from]!.addresses, role: DATA_ROLE, rank })
    connection.startRaw()
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

  private lost(rank: number, { message }: Error): never {
    const { host, pid } = this.options.peers[rank]!
    throw this.failure ?? new Error(`lost rank ${rank} (${host}, pid ${pid}): ${message}`)
  }
}

/** A connection that the peer will open. */
class Slot {
  private filled = false
  private resolve!: (connection: Connection) => void
  fail!: (reason: Error) => void
  readonly connection = new Promise<Connection>((resolve, reject) => {
    this.resolve = resolve
    this.fail = reject
  })

  constructor() {
    this.connection.catch(() => {})
  }

  /** @returns false where there is one already */
  fill(connection: Connection): boolean {
    if (this.filled) return false
    this.filled = true
    this.resolve(connection)
    return true
  }
}
