import type { Environment } from '../../world'
import { loadNative, type Native } from '../native'
import { findMpi } from './find'

/** MPI's world, before anybody knows anybody else. */
export interface Mpi {
  native: Native
  rank: number
  size: number
  /** Every rank's bytes, in the order of ranks. */
  allgatherBytes(bytes: Uint8Array): Uint8Array[]
}

/**
 * Opens libmpi and takes this process's place in MPI's world; again after a shutdown.
 * @param expected size of the world that the launcher announced
 * @throws where there is no Open MPI, or it knows another world
 */
export function startMpi(environment: Environment, expected: number): Mpi {
  const library = environment.HOROVOD_MPI_LIBRARY || null
  const problem = findMpi(library)
  if (problem) throw new Error(`transport mpi: ${problem}; or use tcp`)
  const native = loadNative() as Native
  const [rank, size] = native.mpiStart(library)
  if (size !== expected)
    throw new Error(
      `transport mpi: got a world of ${expected} processes from the launcher and ${size} from MPI, expected the same: start with mpirun, or hvdrun --transport mpi`,
    )
  const allgather = (input: Uint8Array, counts: number[]) => {
    const output = new Uint8Array(counts.reduce((sum, count) => sum + count, 0))
    native.mpiAllgather(native.addressOf(input), native.addressOf(output), Float64Array.from(counts))
    return output
  }
  const allgatherBytes = (bytes: Uint8Array) => {
    const own = new Uint8Array(new Uint32Array([bytes.byteLength]).buffer)
    const lengths = new Uint32Array(allgather(own, Array<number>(size).fill(4)).buffer)
    const all = allgather(bytes, [...lengths])
    let at = 0
    return Array.from(lengths, (length) => {
      at += length
      return all.subarray(at - length, at)
    })
  }
  return { native, rank, size, allgatherBytes }
}
