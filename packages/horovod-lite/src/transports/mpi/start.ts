import type { Environment } from '../../world'
import { loadNative, type Native } from '../native'

/** MPI's world, before anybody knows anybody else. */
export interface Mpi {
  native: Native
  rank: number
  size: number
  /** Every rank's bytes, in the order of ranks. */
  allgatherBytes(bytes: Uint8Array): Uint8Array[]
}

/** Opens libmpi and takes this process's place in MPI's world. @throws where there is no Open MPI, or no mpirun */
export function startMpi(environment: Environment): Mpi {
  const native = loadNative()
  if ('reason' in native) throw new Error(`transport mpi: ${native.reason}; use tcp`)
  const problem = native.mpiFind(environment.HOROVOD_MPI_LIBRARY ?? null)
  if (problem) throw new Error(`transport mpi: ${problem}`)
  const [rank, size] = native.mpiStart(environment.HOROVOD_MPI_LIBRARY ?? null)
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
