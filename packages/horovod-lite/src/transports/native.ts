import { createRequire } from 'node:module'
import type { Reduction, WireType } from './transport'

/** A shared segment, seen from JavaScript. */
export type Segment = { readonly segment: unique symbol }

/** The addon's exports (native/addon.c). Memory is given by its address; whoever calls keeps it alive. */
export interface Native {
  addressOf(array: ArrayBufferView): number
  reduce(target: number, a: number, b: number, bytes: number, type: number, op: number): void
  shmOpen(rank: number, size: number, name: string | null): Segment
  shmName(segment: Segment): string
  shmStart(segment: Segment, pids: Float64Array): void
  shmAbort(segment: Segment): void
  shmClose(segment: Segment): void
  /** Operations give undefined, or the rank that is gone, or 256 where the segment was aborted. */
  shmAllreduce(
    segment: Segment,
    input: number,
    output: number,
    bytes: number,
    type: number,
    op: number,
    tree: number,
  ): number | undefined
  shmBroadcast(segment: Segment, data: number, bytes: number, root: number): number | undefined
  shmAllgather(segment: Segment, input: number, output: number, counts: Float64Array): number | undefined
  shmAlltoall(
    segment: Segment,
    input: number,
    sendCounts: Float64Array,
    output: number,
    receiveCounts: Float64Array,
  ): number | undefined
  /** Why Open MPI cannot be used, or undefined. */
  mpiFind(library: string | null): string | undefined
  mpiStart(library: string | null): [rank: number, size: number]
  /** The process has said goodbye: MPI ends with it. */
  mpiLeave(): void
  mpiAllreduce(input: number, output: number, bytes: number, type: number, op: number): void
  mpiBroadcast(data: number, bytes: number, root: number): void
  mpiAllgather(input: number, output: number, counts: Float64Array, size: number): void
  mpiAlltoall(input: number, sendCounts: Float64Array, output: number, receiveCounts: Float64Array, size: number): void
}

/** The numbers of native/reduce.h. */
export const wireNumber = (type: WireType): number =>
  ['float32', 'int32', 'bool', 'float16', 'bfloat16', 'bytes'].indexOf(type)
export const reductionNumber = (op: Reduction): number => ['Sum', 'Min', 'Max', 'Product'].indexOf(op)

let loaded: Native | { reason: string } | undefined

/** The addon of this platform, or why there is none. HOROVOD_NATIVE=0 leaves it out. */
export function loadNative(): Native | { reason: string } {
  loaded ??= load()
  return loaded
}

function load(): Native | { reason: string } {
  const platform = `${process.platform}-${process.arch}`
  if (process.env.HOROVOD_NATIVE === '0') return { reason: 'HOROVOD_NATIVE=0 leaves the addon out' }
  const require = createRequire(import.meta.url)
  for (const folder of ['../build', '../../build']) // beside dist/, or beside src/
    try {
      return require(`${folder}/${platform}.node`) as Native
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'MODULE_NOT_FOUND')
        return { reason: `the addon for ${platform} does not load: ${message.split('\n')[0]}` }
    }
  return { reason: `there is no addon for ${platform}` }
}
