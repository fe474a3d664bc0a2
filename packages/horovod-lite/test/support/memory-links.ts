import type { Links } from '../../src/transports/tcp/links'

export interface MemoryOptions {
  /** Bytes that a connection holds between its ends, as the system's buffers do. */
  capacity: number
  /** Bytes that move at a time. */
  piece: number
  /** Drawn before each piece moves: how many turns of the event loop it waits. */
  delay?(): number
}

interface Transfer {
  bytes: Uint8Array
  done: number
  finish(): void
}

/** One direction between two ranks. What is sent is read only when it moves, so that changing it too early shows. */
class Pipe {
  private readonly senders: Transfer[] = []
  private readonly receivers: Transfer[] = []
  private held = new Uint8Array()
  private moving = false

  constructor(private readonly options: MemoryOptions) {}

  send(bytes: Uint8Array): Promise<void> {
    return this.queue(this.senders, bytes)
  }

  receive(into: Uint8Array): Promise<void> {
    return this.queue(this.receivers, into)
  }

  private queue(line: Transfer[], bytes: Uint8Array): Promise<void> {
    return new Promise((finish) => {
      line.push({ bytes, done: 0, finish })
      void this.move()
    })
  }

  private async move(): Promise<void> {
    if (this.moving) return
    this.moving = true
    do
      for (let turns = this.options.delay?.() ?? 0; turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve))
    while (this.take() || this.give())
    this.moving = false
  }

  /** From the sender into what is held, or where nothing is held straight to the receiver. */
  private take(): boolean {
    const sender = this.senders[0]
    if (!sender) return false
    const room = Math.max(this.options.capacity - this.held.byteLength, 0)
    const receiver = this.held.byteLength === 0 ? this.receivers[0] : undefined
    const most = receiver ? Math.max(room, receiver.bytes.byteLength - receiver.done) : room
    const part = sender.bytes.subarray(sender.done, sender.done + Math.min(most, this.options.piece))
    if (part.byteLength === 0 && sender.bytes.byteLength > 0) return false
    this.held = Uint8Array.from(Buffer.concat([this.held, part]))
    sender.done += part.byteLength
    if (sender.done === sender.bytes.byteLength) this.senders.shift()!.finish()
    this.give()
    return true
  }

  private give(): boolean {
    const receiver = this.receivers[0]
    if (!receiver) return false
    const part = this.held.subarray(0, receiver.bytes.byteLength - receiver.done)
    if (part.byteLength === 0 && receiver.bytes.byteLength > 0) return false
    receiver.bytes.set(part, receiver.done)
    this.held = this.held.slice(part.byteLength)
    receiver.done += part.byteLength
    if (receiver.done === receiver.bytes.byteLength) this.receivers.shift()!.finish()
    return true
  }
}

/** Links of all ranks within this process. */
export function memoryLinks(size: number, options: MemoryOptions): Links[] {
  const pipes = Array.from({ length: size * size }, () => new Pipe(options))
  const pipe = (from: number, to: number) => {
    if (from === to || !(to >= 0 && to < size && from >= 0 && from < size))
      throw new Error(`rank ${from} talks with rank ${to} of ${size}`)
    return pipes[from * size + to]!
  }
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    send: (to, bytes) => pipe(rank, to).send(bytes),
    receive: (from, into) => pipe(from, rank).receive(into),
  }))
}
