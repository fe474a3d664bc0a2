import type { Native, Segment } from '../native'
import type { Peer, Transport } from '../transport'
import { watch } from './alive'
import { beginAllreduce, DONE } from './allreduce'

/** Milliseconds between looks whether the others live, while this rank waits for one. */
const LOOK_EVERY = 50

/** Memory that all ranks of one host share. An operation that waits long gives the thread's other work its turns. */
export class ShmTransport implements Transport {
  readonly name = 'shm'
  private failure?: Error
  /** Memory of the operation under way: it stays where it is. */
  private underWay?: readonly Uint8Array[]
  private readonly processes: ReturnType<typeof watch>[]

  constructor(
    private readonly native: Native,
    private readonly segment: Segment,
    private readonly rank: number,
    private readonly peers: readonly Peer[],
  ) {
    this.processes = peers.map(({ pid }) => watch(pid))
  }

  allreduce: Transport['allreduce'] = (data, type, op) => {
    const memory = { address: this.native.addressOf(data), bytes: data.byteLength }
    return this.allreduceDirect(memory, memory, type, op)
  }

  allreduceDirect: NonNullable<Transport['allreduceDirect']> = (input, output, type, op) =>
    this.run((native, segment) => beginAllreduce(native, segment, this.peers.length, input, output, type, op))

  lend: NonNullable<Transport['lend']> = () => ({ by: 'shm', segment: this.native.shmLend(this.segment) })

  allgather: Transport['allgather'] = (input, output, counts) =>
    this.run(
      (native, segment) => {
        const [from, to] = [native.addressOf(input), native.addressOf(output)]
        return native.shmAllgather(segment, from, to, Float64Array.from(counts))
      },
      input,
      output,
    )

  broadcast: Transport['broadcast'] = (data, root) =>
    this.run((native, segment) => native.shmBroadcast(segment, native.addressOf(data), data.byteLength, root), data)

  alltoall: Transport['alltoall'] = (input, sendCounts, output, receiveCounts) =>
    this.run(
      (native, segment) => {
        const [from, to] = [native.addressOf(input), native.addressOf(output)]
        const [send, receive] = [Float64Array.from(sendCounts), Float64Array.from(receiveCounts)]
        return native.shmAlltoall(segment, from, send, to, receive)
      },
      input,
      output,
    )

  /** Whoever waits for this rank, here or in another process, fails. */
  async close(): Promise<void> {
    this.fail(new Error('the shared memory is closed'))
  }

  private fail(reason: Error): Error {
    if (!this.failure) this.native.shmClose(this.segment)
    this.failure ??= reason
    return this.failure
  }

  private async run(begin: (native: Native, segment: Segment) => number, ...memory: Uint8Array[]): Promise<void> {
    const { native, segment } = this
    if (this.failure) throw this.failure
    if (this.underWay) throw new Error('shm: got an operation while another is under way, expected one at a time')
    this.underWay = memory
    let looked = performance.now()
    for (let state = begin(native, segment); state !== DONE; state = native.shmProceed(segment)) {
      if (state < DONE) throw this.fail(this.lost(-2 - state, 'it has given up'))
      if (performance.now() - looked > LOOK_EVERY) {
        const gone = this.processes.findIndex((process, r) => this.mustLive(r) && process.gone())
        if (gone >= 0) throw this.fail(this.lost(gone, 'its process has ended'))
        looked = performance.now()
      }
      await new Promise((resolve) => setImmediate(resolve))
      if (this.failure) throw this.failure
    }
    this.underWay = undefined
  }

  /** Another rank may have done its part, said so and ended. */
  private mustLive(rank: number): boolean {
    return rank !== this.rank && !this.native.shmLeft(this.segment, rank)
  }

  private lost(rank: number, reason: string): Error {
    const { host, pid } = this.peers[rank]!
    return new Error(`lost rank ${rank} (${host}, pid ${pid}): ${reason}`)
  }
}
