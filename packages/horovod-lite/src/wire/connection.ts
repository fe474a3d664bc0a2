import type { Socket } from 'node:net'

/** Bytes before a frame's payload: its length (4, little endian) and its kind (1). */
const HEADER = 5
/** No control message is longer. */
const LONGEST_FRAME = 64 * 2 ** 20

interface Target {
  into: Uint8Array
  filled: number
  done: () => void
  failed: (reason: Error) => void
}

/**
 * A stream of frames, or (`receiveInto`, `write`) of bytes whose number both sides know, over a socket.
 * Whoever feeds the socket's bytes calls `push`.
 */
export class Connection {
  /** What a frame may be long at most; short before the handshake has ended. */
  longestFrame = LONGEST_FRAME
  readonly remote: string
  private readonly backlog: Uint8Array[] = []
  private buffered = 0
  private raw = false
  private readonly targets: Target[] = []
  private closed?: { reason?: Error }
  private frameHandler?: (kind: number, payload: Buffer) => void
  private closeHandler?: (reason?: Error) => void

  constructor(private readonly socket: Socket) {
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 10_000)
    let failure: Error | undefined
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => this.ended(failure))
  }

  /** Takes the frames. Those that come while there is no handler wait for one. */
  set onFrame(handler: ((kind: number, payload: Buffer) => void) | undefined) {
    this.frameHandler = handler
    this.takeFrames()
  }

  /** Told once that the connection has ended, by whomever; `reason` where it was an error. */
  set onClose(handler: ((reason?: Error) => void) | undefined) {
    this.closeHandler = handler
    if (this.closed) handler?.(this.closed.reason)
  }

  /** This side's address. */
  get localAddress(): string {
    return this.socket.localAddress ?? ''
  }

  /** Resolves when the system has taken it. */
  send(kind: number, payload: Uint8Array | string | object = ''): Promise<void> {
    const bytes =
      payload instanceof Uint8Array
        ? payload
        : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
    const head = Buffer.allocUnsafe(HEADER)
    head.writeUInt32LE(bytes.byteLength)
    head[4] = kind
    return this.write(bytes.byteLength < 4096 ? Buffer.concat([head, bytes]) : [head, bytes])
  }

  /** Bytes without a frame. */
  write(bytes: Uint8Array | Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve())
      if (this.closed) return reject(this.closed.reason ?? new Error(`the connection with ${this.remote} is closed`))
      const parts = Array.isArray(bytes) ? bytes : [bytes]
      this.socket.cork()
      for (const part of parts.slice(0, -1)) this.socket.write(part)
      this.socket.write(parts.at(-1)!, done)
      this.socket.uncork()
    })
  }

  /** From now on there are no frames, only bytes for `receiveInto`. */
  startRaw(): void {
    this.raw = true
    this.socket.pause()
  }

  /** Resolves when `into` is full. Calls are served in order. */
  receiveInto(into: Uint8Array): Promise<void> {
    return new Promise((done, failed) => {
      if (into.byteLength === 0) return done()
      this.targets.push({ into, filled: 0, done, failed })
      while (this.targets.length > 0 && this.backlog.length > 0) {
        const chunk = this.backlog.shift()!
        this.buffered -= chunk.byteLength
        const rest = this.fill(chunk)
        if (rest.byteLength > 0) this.keep(rest, true)
      }
      if (this.targets.length === 0) return
      if (this.closed) this.failTargets()
      else this.socket.resume()
    })
  }

  /**
   * Bytes have come. @param reused the memory is written again after the call
   * @returns false where the socket should wait
   */
  push(chunk: Uint8Array, reused: boolean): boolean {
    if (!this.raw) {
      this.keep(reused ? chunk.slice() : chunk)
      this.takeFrames()
      return true
    }
    const rest = this.fill(chunk)
    if (rest.byteLength > 0) this.keep(reused ? rest.slice() : rest)
    if (this.targets.length > 0) return true
    this.socket.pause()
    return false
  }

  close(): void {
    this.socket.destroy()
  }

  /** Sends what is on its way, then closes. */
  end(): void {
    this.socket.end()
  }

  ref(): void {
    this.socket.ref()
  }

  unref(): void {
    this.socket.unref()
  }

  private keep(chunk: Uint8Array, first = false): void {
    if (first) this.backlog.unshift(chunk)
    else this.backlog.push(chunk)
    this.buffered += chunk.byteLength
  }

  /** Copies into the targets in turn. @returns what none of them had room for */
  private fill(chunk: Uint8Array): Uint8Array {
    let rest = chunk
    while (rest.byteLength > 0 && this.targets.length > 0) {
      const target = this.targets[0]!
      const part = rest.subarray(0, target.into.byteLength - target.filled)
      target.into.set(part, target.filled)
      target.filled += part.byteLength
      rest = rest.subarray(part.byteLength)
      if (target.filled === target.into.byteLength) {
        this.targets.shift()
        target.done()
      }
    }
    return rest
  }

  private takeFrames(): void {
    while (this.frameHandler && this.buffered >= HEADER && !this.raw) {
      const all = this.backlog.length === 1 ? this.backlog[0]! : Buffer.concat(this.backlog)
      const bytes = Buffer.from(all.buffer, all.byteOffset, all.byteLength)
      const length = bytes.readUInt32LE(0)
      if (length > this.longestFrame) {
        this.socket.destroy(new Error(`got a frame of ${length} bytes, expected at most ${this.longestFrame}`))
        return
      }
      this.backlog.splice(0, this.backlog.length, bytes)
      if (bytes.byteLength < HEADER + length) return
      const rest = bytes.subarray(HEADER + length)
      this.backlog.splice(0, 1, ...(rest.byteLength > 0 ? [rest] : []))
      this.buffered = rest.byteLength
      this.frameHandler(bytes[4]!, bytes.subarray(HEADER, HEADER + length))
      if (this.closed) return
    }
  }

  private ended(reason?: Error): void {
    this.closed = { reason }
    this.failTargets()
    this.closeHandler?.(reason)
  }

  private failTargets(): void {
    const reason = this.closed?.reason ?? new Error(`${this.remote} closed the connection`)
    for (const { failed } of this.targets.splice(0)) failed(reason)
  }
}

/** JSON of a frame; undefined where it is none. */
export function parse<T>(payload: Buffer): T | undefined {
  try {
    return JSON.parse(payload.toString('utf8')) as T
  } catch {
    return undefined
  }
}
