import { reductionNumber, type Segment, wireNumber } from '../native'
import type { Transport } from '../transport'
import type { Mpi } from './start'

/**
 * Open MPI's own collectives. Each blocks the background thread, as in Horovod; where a process is lost, mpirun ends all.
 * The order of a reduction is Open MPI's: the same from run to run in the same world.
 */
export class MpiTransport implements Transport {
  readonly name = 'mpi'
  /** Where the ranks of one host meet. */
  segment?: Segment

  constructor(private readonly mpi: Mpi) {}

  allreduce: Transport['allreduce'] = (data, type, op) => {
    const memory = { address: this.addressOf(data), bytes: data.byteLength }
    return this.allreduceDirect(memory, memory, type, op)
  }

  allreduceDirect: NonNullable<Transport['allreduceDirect']> = async (input, output, type, op) =>
    this.mpi.native.mpiAllreduce(input.address, output.address, input.bytes, wireNumber(type), reductionNumber(op))

  lend: NonNullable<Transport['lend']> = () =>
    this.segment && { by: 'mpi', segment: this.mpi.native.shmLend(this.segment) }

  allgather: Transport['allgather'] = async (input, output, counts) =>
    this.mpi.native.mpiAllgather(this.addressOf(input), this.addressOf(output), Float64Array.from(counts))

  broadcast: Transport['broadcast'] = async (data, root) =>
    this.mpi.native.mpiBroadcast(this.addressOf(data), data.byteLength, root)

  alltoall: Transport['alltoall'] = async (input, sendCounts, output, receiveCounts) =>
    this.mpi.native.mpiAlltoall(
      this.addressOf(input),
      Float64Array.from(sendCounts),
      this.addressOf(output),
      Float64Array.from(receiveCounts),
    )

  /** MPI itself ends with the process: it cannot be started twice. */
  async close(lost = false): Promise<void> {
    if (this.segment) this.mpi.native.shmClose(this.segment)
    if (!lost) this.mpi.native.mpiLeave()
  }

  private addressOf(data: Uint8Array): number {
    return this.mpi.native.addressOf(data)
  }
}
