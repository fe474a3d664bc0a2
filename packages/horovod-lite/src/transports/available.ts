import { findMpi } from './mpi/find'
import { loadNative } from './native'

/** A transport, and why it cannot work on this host; `problem` is undefined where it can. */
export interface AvailableTransport {
  name: 'tcp' | 'shm' | 'mpi'
  description: string
  problem?: string
}

/** Which transports work on this host. */
export function availableTransports(): AvailableTransport[] {
  const native = loadNative()
  const shm = 'reason' in native ? native.reason : undefined
  return [
    { name: 'tcp', description: 'sockets, on one host or between hosts' },
    { name: 'shm', description: 'shared memory on one host', problem: shm },
    { name: 'mpi', description: 'Open MPI, under mpirun or hvdrun --transport mpi', problem: shm ?? findMpi() },
  ]
}
