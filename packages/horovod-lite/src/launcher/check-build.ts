import { findMpi } from '../transports/mpi/find'
import { loadNative } from '../transports/native'

/** Prints which transports work on this host. */
export function checkBuild(): void {
  const native = loadNative()
  const shm = 'reason' in native ? native.reason : undefined
  const mpi = shm ?? findMpi()
  const line = (name: string, problem: string | undefined, what: string) =>
    `  [${problem ? ' ' : 'x'}] ${name.padEnd(5)} ${problem ?? what}`
  process.stdout.write(
    [
      'Transports on this host:',
      line('tcp', undefined, 'sockets, on one host or between hosts'),
      line('shm', shm, 'shared memory on one host'),
      line('mpi', mpi, 'Open MPI, under mpirun or hvdrun --transport mpi'),
      '',
    ].join('\n'),
  )
}
