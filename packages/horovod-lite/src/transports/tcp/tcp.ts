import { connect } from '../../wire/connect'
import type { Connection } from '../../wire/connection'
import { algorithmFor } from '../order'
import type { Peer, Transport } from '../transport'
import { halvingAllreduce } from './halving'
import type { Links } from './links'
import { pairwiseAlltoall, ringAllgather, treeBroadcast } from './moves'
import { ringAllreduce } from './ring'

/** Role of the connections that carry tensors. Each carries one direction and is opened by the side that receives. */
export const DATA_ROLE = 'data'
const READ_BUFFER = 1024 * 1024

export interface TcpOptions {
  rank: number
  peers: readonly Peer[]
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
    connection.startRaw()
    this.slot(rank).fill(connection)
    connection.unref()
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
  broadcast: Transport['broadcast'] = (data, root) => treeBroadcast(this, data, root)
  alltoall: Transport['alltoall'] = (...parts) => pairwiseAlltoall(this, ...parts)

  async close(): Promise<void> {
    this.fail(new Error('the transport is closed'))
  }

  /** Everything that waits, and everything later, rejects. */
  fail(reason: Error): void {
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
    const { secret, timeoutSeconds, peers } = this.options
    const addresses = peers[from]!.addresses
    const opening = connect({
      addresses,
      secret,
      timeoutSeconds,
      role: DATA_ROLE,
      rank: this.rank,
      bufferSize: READ_BUFFER,
    }).then((connection) => {
      connection.startRaw()
      connection.unref()
      if (this.failure) connection.close()
      return connection
    })
    const opened = opening.catch((reason: Error) => this.lost(from, reason))
    const usable = Promise.race([opened, this.broken]) // a dead peer is tried for long
    this.incoming.set(from, usable)
    return usable
  }

  private slot(to: number): Slot {
    const slot = this.outgoing.get(to) ?? new Slot()
    this.outgoing.set(to, slot)
    if (this.failure) slot.fail(this.failure)
    return slot
  }

  private lost(rank: number, reason: Error): never {
    throw this.failure ?? new Error(this.describe(rank, reason.message))
  }

  private describe(rank: number, reason: string): string {
    const { host, pid } = this.options.peers[rank]!
    return `lost rank ${rank} (${host}, pid ${pid}): ${reason}`
  }
}

/** A connection that the peer will open. */
class Slot {
  fill!: (connection: Connection) => void
  fail!: (reason: Error) => void
  readonly connection = new Promise<Connection>((resolve, reject) => {
    this.fill = resolve
    this.fail = reject
  })

  constructor() {
    this.connection.catch(() => {})
  }
}
