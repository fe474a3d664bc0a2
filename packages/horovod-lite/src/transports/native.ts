import { createRequire } from 'node:module'
import type { Reduction, WireType } from './transport'

/** A shared segment, seen from JavaScript. */
export type Segment = { readonly segment: unique symbol }

/** Bytes in both directions between two sockets and memory (native/tcp), one pass after the other. */
export type Pass = { readonly pass: unique symbol }

/** The addon's exports (native/addon). Memory is given by its address; whoever calls keeps it alive. */
export interface Native {
  addressOf(array: ArrayBufferView): number
  /** target[i] = x[i] op y[i], at any addresses; the target may be x or y. */
  reduce(target: number, x: number, y: number, bytes: number, type: number, op: number): void
  /** The same by the code for any processor. */
  reducePortable: Native['reduce']
  /** @param buffer bytes for each rank @param name null makes a segment */
  shmOpen(rank: number, size: number, buffer: number, name: string | null): Segment
  shmName(segment: Segment): string
  /** All ranks have it open: nobody else can, and nothing can be left behind. */
  shmSeal(segment: Segment): void
  /** The address of a segment for one `shmBorrow` in another thread of this process. */
  shmLend(segment: Segment): number
  shmBorrow(address: number): Segment
  /** For all threads of this process: whoever waits for this rank, or in it, gives up. */
  shmClose(segment: Segment): void
  /** Whether a rank has closed it. */
  shmLeft(segment: Segment, rank: number): boolean
  /** native/shm/meeting.h. @param number of the operation @param note what it is */
  shmMeet(segment: Segment, number: number, note: string, nanoseconds: number): boolean
  /**
   * Operations give −1 at their end. Else they have waited a while for rank r: r where `shmProceed` may go on, −2 − r
   * where that rank has closed the segment.
   */
  shmAllreduce(
    segment: Segment,
    input: number,
    output: number,
    bytes: number,
    type: number,
    op: number,
    tree: number,
  ): number
  shmBroadcast(segment: Segment, data: number, bytes: number, root: number): number
  shmAllgather(segment: Segment, input: number, output: number, counts: Float64Array): number
  shmAlltoall(
    segment: Segment,
    input: number,
    sendCounts: Float64Array,
    output: number,
    receiveCounts: Float64Array,
  ): number
  shmProceed(segment: Segment): number
  tcpPass(): Pass
  /**
   * @param outgoing data, 0 and bytes of each part that is sent
   * @param incoming data, own and bytes of each that is received; own, where it is not 0, is what is added to it
   * @param lead bytes that may be sent before any has come; each that has come lets one more go
   */
  tcpBegin(pass: Pass, outgoing: Float64Array, incoming: Float64Array, lead: number, type: number, op: number): void
  /**
   * @param to @param from descriptors of the sockets @returns 0 at the end, 1 where it goes on after other work has had its turn;
   *   −2 e where sending failed with the system's error e, −2 e − 1 where receiving did (e = 0: closed by the other side)
   */
  tcpProceed(pass: Pass, to: number, from: number): number
  /** Ends the connection of a socket, by its descriptor, where the other side is silent for so long. */
  tcpLimitSilence(descriptor: number, seconds: number): void
  /** Why Open MPI cannot be used, or undefined. */
  mpiFind(library: string | null): string | undefined
  mpiStart(library: string | null): [rank: number, size: number]
  /** The process has said goodbye: MPI ends with it. */
  mpiLeave(): void
  mpiAllreduce(input: number, output: number, bytes: number, type: number, op: number): void
  mpiBroadcast(data: number, bytes: number, root: number): void
  mpiAllgather(input: number, output: number, counts: Float64Array): void
  mpiAlltoall(input: number, sendCounts: Float64Array, output: number, receiveCounts: Float64Array): void
}

/** The numbers of native/reduce.h. */
export const wireNumber = (type: WireType): number =>
  ['float32', 'int32', 'bool', 'float16', 'bfloat16', 'bytes'].indexOf(type)
export const reductionNumber = (op: Reduction): number => ['Sum', 'Min', 'Max', 'Product'].indexOf(op)

let loaded: Native | { reason: string } | undefined

/** The addon of this platform, or why there is none. HOROVOD_NATIVE=0 leaves it out, a path names another file. */
export function loadNative(): Native | { reason: string } {
  loaded ??= load(process.env.HOROVOD_NATIVE)
  return loaded
}

function load(asked: string | undefined): Native | { reason: string } {
  if (asked === '0') return { reason: 'HOROVOD_NATIVE=0 leaves the addon out' }
  const platform = `${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  const paths = asked ? [asked] : [`../build/${platform}.node`, `../../build/${platform}.node`] // beside dist/, or src/
  for (const path of paths)
    try {
      return require(path) as Native
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'MODULE_NOT_FOUND')
        return { reason: `the addon for ${platform} does not load: ${message.split('\n')[0]}` }
    }
  return { reason: asked ? `HOROVOD_NATIVE=${asked} is not there` : `there is no addon for ${platform}` }
}
