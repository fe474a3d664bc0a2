// The backend's memory. JavaScript frees an array when its garbage collector happens to run, and clears each new one;
// a training step makes gigabytes of tensors, so blocks are used again as soon as their tensor is disposed of.

const SMALLEST = 1 << 15 // bytes; below it JavaScript's own arrays are as good

/** A piece of memory that is lent to one tensor at a time. */
export interface Block {
  readonly buffer: ArrayBuffer
  /** Where the first cache line begins. */
  readonly offset: number
  readonly bytes: number
}

export interface Memory {
  padding(buffer: ArrayBuffer): number
  release(buffer: ArrayBuffer): void
}

/** Sizes are rounded up to one of eight in each power of two, so that nearly equal tensors can share a block. */
function sizeClass(bytes: number): number {
  const step = 2 ** Math.max(6, Math.floor(Math.log2(bytes)) - 3)
  return Math.ceil(bytes / step) * step
}

export class Pool {
  /** Bytes lent, and the most that ever were. */
  private lent = 0
  private peak = 0
  /** Bytes that wait to be lent again, by size, and in the order in which they came back. */
  private waiting = 0
  private readonly bySize = new Map<number, Block[]>()
  private readonly byAge = new Set<Block>()

  constructor(private readonly memory: Memory) {}

  /** Bytes that the pool holds: lent, and waiting. */
  get bytes(): { lent: number; waiting: number } {
    return { lent: this.lent, waiting: this.waiting }
  }

  /** A block of at least `bytes` with anything in it; undefined for small sizes, which need none. */
  take(bytes: number): Block | undefined {
    if (bytes < SMALLEST) return undefined
    const size = sizeClass(bytes)
    const block = this.bySize.get(size)?.pop()
    if (block) {
      this.byAge.delete(block)
      this.waiting -= size
    }
    this.lent += size
    this.peak = Math.max(this.peak, this.lent)
    if (block) return block
    // Nothing fits: blocks that have waited longest make room, so that the whole stays near the most ever lent.
    this.trim(1.25 * this.peak - this.lent)
    const buffer = new ArrayBuffer(size + 64)
    return { buffer, offset: this.memory.padding(buffer), bytes: size }
  }

  /** Takes a block back: nothing may read it any more. */
  give(block: Block): void {
    this.lent -= block.bytes
    this.waiting += block.bytes
    this.byAge.add(block)
    const same = this.bySize.get(block.bytes)
    if (same) same.push(block)
    else this.bySize.set(block.bytes, [block])
  }

  /** Leaves a block to the garbage collector, because someone beyond the backend may read it. */
  forget(block: Block): void {
    this.lent -= block.bytes
  }

  /** Frees waiting blocks, the oldest first, until at most `bytes` wait. */
  trim(bytes: number): void {
    for (const block of this.byAge) {
      if (this.waiting <= bytes) return
      this.byAge.delete(block)
      this.bySize.get(block.bytes)!.shift() // the oldest of its size, too
      this.waiting -= block.bytes
      this.memory.release(block.buffer)
    }
  }

  /** Frees all that waits and forgets the peak. */
  clear(): void {
    this.trim(0)
    this.peak = this.lent
  }
}
