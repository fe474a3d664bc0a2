import { type Native, reductionNumber, type Segment, wireNumber } from '../native'
import { algorithmFor } from '../order'
import type { TcpTransport } from '../tcp/tcp'
import type { Peer, Transport } from '../transport'

/** Memory that all ranks of one host share. Each operation blocks the background thread, and notices a rank that is gone. */
export class ShmTransport implements Transport {
  readonly name = 'shm'
  private closed = false

  private constructor(
    private readonly native: Native,
    private readonly segment: Segment,
    private readonly peers: readonly Peer[],
  ) {}

  /** Rank 0 makes the segment and tells the others through `tcp` where it is; when all have it, its name is gone. */
  static async open(native: Native, rank: number, peers: readonly Peer[], tcp: TcpTransport): Promise<ShmTransport> {
    const size = peers.length
    const name = new Uint8Array(64)
    const own = rank === 0 ? native.shmOpen(rank, size, null) : undefined
    if (own) name.set(Buffer.from(native.shmName(own)))
    await tcp.broadcast(name, 0)
    const segment = own ?? native.shmOpen(rank, size, Buffer.from(name).toString('utf8').replace(/\0+$/, ''))
    const there = new Uint8Array(new Int32Array([1]).buffer)
    await tcp.allreduce(there, 'int32', 'Sum')
    native.shmStart(
      segment,
      Float64Array.from(peers, ({ pid }) => pid),
    )
    return new ShmTransport(native, segment, peers)
  }

  allreduce: Transport['allreduce'] = (data, type, op) => {
    const memory = { address: this.native.addressOf(data), bytes: data.byteLength }
    return this.allreduceDirect(memory, memory, type, op)
  }

  allreduceDirect: NonNullable<Transport['allreduceDirect']> = async (input, output, type, op) => {
    const tree = algorithmFor(this.peers.length, input.bytes) === 'halving' ? 1 : 0
    const [wire, reduction] = [wireNumber(type), reductionNumber(op)]
    const { segment, native } = this.usable()
    this.check(native.shmAllreduce(segment, input.address, output.address, input.bytes, wire, reduction, tree))
  }

  allgather: Transport['allgather'] = async (input, output, counts) => {
    const { segment, native } = this.usable()
    const [from, to] = [native.addressOf(input), native.addressOf(output)]
    this.check(native.shmAllgather(segment, from, to, Float64Array.from(counts)))
  }

  broadcast: Transport['broadcast'] = async (data, root) => {
    const { segment, native } = this.usable()
    this.check(native.shmBroadcast(segment, native.addressOf(data), data.byteLength, root))
  }

  alltoall: Transport['alltoall'] = async (input, sendCounts, output, receiveCounts) => {
    const { segment, native } = this.usable()
    const [from, to] = [native.addressOf(input), native.addressOf(output)]
    this.check(native.shmAlltoall(segment, from, Float64Array.from(sendCounts), to, Float64Array.from(receiveCounts)))
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.native.shmAbort(this.segment)
    this.native.shmClose(this.segment)
  }

  private usable() {
    if (this.closed) throw new Error('the shared memory is closed')
    return this
  }

  private check(gone: number | undefined): void {
    if (gone === undefined) return
    const peer = this.peers[gone]
    throw new Error(
      peer ? `lost rank ${gone} (${peer.host}, pid ${peer.pid}): its process has ended` : 'another rank has given up',
    )
  }
}
