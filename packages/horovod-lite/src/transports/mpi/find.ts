import { loadNative } from '../native'

/** Why Open MPI cannot be used here; undefined where it can. */
export function findMpi(library = process.env.HOROVOD_MPI_LIBRARY || null): string | undefined {
  const native = loadNative()
  return 'reason' in native ? native.reason : native.mpiFind(library)
}
