/** Not worth a smaller piece. */
const SMALLEST = 4096
/** Bytes of free pieces; where there are more, those that have not been used for longest are left to the garbage collector. */
const KEPT = 128 * 2 ** 20
/** A larger piece (a broadcast of a whole model) is rare, and not worth that all others go for it. */
const LARGEST = 64 * 2 ** 20

/**
 * Memory that the main thread and the background thread share, used again: the system takes longer to give new pages
 * than to move the numbers.
 */
export class SharedMemory {
  /** The last used last. */
  private readonly free: SharedArrayBuffer[] = []
  private bytes = 0

  /** Bytes of any content. */
  take(bytes: number): Uint8Array {
    const size = sizeFor(bytes)
    const at = this.free.findLastIndex(({ byteLength }) => byteLength === size)
    const buffer = at < 0 ? new SharedArrayBuffer(size) : this.free.splice(at, 1)[0]!
    if (at >= 0) this.bytes -= size
    return new Uint8Array(buffer, 0, bytes)
  }

  /** Nobody needs them any more. */
  give({ buffer }: Uint8Array): void {
    if (buffer.byteLength > LARGEST) return
    this.free.push(buffer as SharedArrayBuffer)
    this.bytes += buffer.byteLength
    while (this.bytes > KEPT) this.bytes -= this.free.shift()!.byteLength
  }
}

/** Four sizes between a power of two and the next, so that little is wasted. */
function sizeFor(bytes: number): number {
  const step = Math.max(SMALLEST, 2 ** (Math.ceil(Math.log2(Math.max(1, bytes))) - 3))
  return Math.max(SMALLEST, Math.ceil(bytes / step) * step)
}
