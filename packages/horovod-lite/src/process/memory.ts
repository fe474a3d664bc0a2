/** Not worth a smaller piece. */
const SMALLEST = 4096
/** Free pieces of one size; more are left to the garbage collector. */
const KEPT = 4

/**
 * Memory that the main thread and the background thread share, used again: the system takes longer to give new pages
 * than to move the numbers.
 */
export class SharedMemory {
  private readonly free = new Map<number, SharedArrayBuffer[]>()

  /** Bytes of any content. */
  take(bytes: number): Uint8Array {
    const size = sizeFor(bytes)
    const buffer = this.free.get(size)?.pop() ?? new SharedArrayBuffer(size)
    return new Uint8Array(buffer, 0, bytes)
  }

  /** Nobody needs them any more. */
  give({ buffer }: Uint8Array): void {
    const free = this.free.get(buffer.byteLength) ?? []
    this.free.set(buffer.byteLength, free)
    if (free.length < KEPT) free.push(buffer as SharedArrayBuffer)
  }
}

/** Eight sizes between a power of two and the next, so that little is wasted. */
function sizeFor(bytes: number): number {
  const step = Math.max(SMALLEST, 2 ** (Math.ceil(Math.log2(Math.max(1, bytes))) - 3))
  return Math.max(SMALLEST, Math.ceil(bytes / step) * step)
}
