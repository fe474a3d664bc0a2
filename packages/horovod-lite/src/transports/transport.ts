/** How a number is represented while it travels. `bool` is one byte, 0 or 1; `bytes` are never reduced. */
export type WireType = 'float32' | 'int32' | 'bool' | 'float16' | 'bfloat16' | 'bytes'

/** Averaging is Sum, divided by the caller. For `bool`, Sum and Max are "or", Product and Min are "and". */
export type Reduction = 'Sum' | 'Min' | 'Max' | 'Product'

/** Memory of this process, of the main thread too: it stays where it is until the operation has ended. */
export interface MemoryRange {
  /** As the addon's `addressOf` gives it. */
  address: number
  bytes: number
}

/**
 * What moves bytes between the ranks: the one place that differs between sockets, shared memory and MPI. It lives in the
 * background thread. All ranks call the same operation with matching arguments at the same time (negotiation sees to
 * that), one operation at a time. A promise rejects where a peer is lost; the transport is then of no further use.
 */
export interface Transport {
  readonly name: string
  /** Element-wise over the ranks, in place. The order of the reduction is fixed (docs/design.md, "Transports"). */
  allreduce(data: Uint8Array, type: WireType, op: Reduction): Promise<void>
  /**
   * The same from memory to memory (which may be equal), without a copy. Only transports with native code have it; large
   * reductions use it where it is there.
   */
  allreduceDirect?(input: MemoryRange, output: MemoryRange, type: WireType, op: Reduction): Promise<void>
  /** Only where all ranks are on one host: what the main thread needs to reduce by itself (process/shortcut.ts). */
  lend?(): Lent | undefined
  /** All ranks' bytes, one after the other in the order of ranks. @param counts bytes of each rank */
  allgather(input: Uint8Array, output: Uint8Array, counts: readonly number[]): Promise<void>
  /** The root's bytes, in place. */
  broadcast(data: Uint8Array, root: number): Promise<void>
  /**
   * Sends `sendCounts[r]` bytes to rank r, one after the other in the input, and receives `receiveCounts[r]` from it.
   */
  alltoall(
    input: Uint8Array,
    sendCounts: readonly number[],
    output: Uint8Array,
    receiveCounts: readonly number[],
  ): Promise<void>
  /** Leaves nothing behind: no socket, segment or file. @param lost after a failure: nobody is to be waited for */
  close(lost?: boolean): Promise<void>
}

/** Who holds it uses it only while the transport does nothing, and closes it. */
export interface Lent {
  /** Shared memory where the ranks meet: an address for one `shmBorrow`. */
  segment: number
  /** What reduces. */
  by: 'shm' | 'mpi'
}

/** One process of the world, as it registered itself. */
export interface Peer {
  rank: number
  /** Host name, for messages. */
  host: string
  /** Equal for processes that can share memory: boot, and namespaces. */
  hostId: string
  pid: number
  /** Where its listener can be reached, the best first. */
  addresses: { host: string; port: number }[]
  /** Whether the addon could be loaded. */
  native: boolean
  /** Whether it was asked for a timeline: rank 0's is written. */
  timeline?: boolean
}
