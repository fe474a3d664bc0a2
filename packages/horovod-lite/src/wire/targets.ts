interface Target {
  into: Uint8Array
  filled: number
  done: () => void
  failed: (reason: Error) => void
}

/** Places for a stream's bytes, filled in the order in which they were given. */
export class Targets {
  private readonly queue: Target[] = []

  /** Resolves when `into` is full. */
  add(into: Uint8Array): Promise<void> {
    if (into.byteLength === 0 && this.queue.length === 0) return Promise.resolve()
    return new Promise((done, failed) => this.queue.push({ into, filled: 0, done, failed }))
  }

  /** Where the next bytes belong; undefined where nobody waits for any. */
  get room(): Uint8Array | undefined {
    const [first] = this.queue
    return first && (first.filled === 0 ? first.into : first.into.subarray(first.filled))
  }

  /** So many bytes have come into `room`. */
  advance(count: number): void {
    const first = this.queue[0]!
    first.filled += count
    while (this.queue[0] && this.queue[0].filled === this.queue[0].into.byteLength) this.queue.shift()!.done()
  }

  /** Copies into the targets in turn. @returns what none of them had room for */
  fill(bytes: Uint8Array): Uint8Array {
    let rest = bytes
    for (let { room } = this; room && rest.byteLength > 0; { room } = this) {
      const part = rest.subarray(0, room.byteLength)
      room.set(part)
      rest = rest.subarray(part.byteLength)
      this.advance(part.byteLength)
    }
    return rest
  }

  fail(reason: Error): void {
    for (const { failed } of this.queue.splice(0)) failed(reason)
  }
}
