import type { Socket } from 'node:net'
import { type Frame, FrameReader, frameParts } from './frames'
import { written } from './interfaces'
import { Targets } from './targets'

/** No control message is longer. */
const LONGEST_FRAME = 64 * 2 ** 20

type FrameHandler = (kind: number, payload: Buffer) => void
type CloseHandler = (reason?: Error) => void

/**
 * A stream of frames over a socket, or after `startRaw` of bytes whose number both sides know. Whoever reads the socket
 * calls `push`, or `room` and `arrived` where bytes are to come straight to where they belong.
 */
export class Connection {
  readonly remote: string
  private readonly frames = new FrameReader()
  private readonly targets = new Targets()
  /** Raw bytes that nobody has asked for yet. */
  private early: Uint8Array[] = []
  private raw = false
  private longestFrame = LONGEST_FRAME
  private offered?: Uint8Array
  private readonly single = new Uint8Array(1)
  private closed?: { reason?: Error }
  private frameHandler?: FrameHandler
  private closeHandler?: CloseHandler

  constructor(private readonly socket: Socket) {
    const { remoteAddress: host, remotePort: port } = socket
    this.remote = host && port ? written({ host, port }) : 'somewhere' // it has left already
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 10_000)
    let failure: Error | undefined
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => this.ended(failure))
  }

  /** Takes the frames. Those that come while there is no handler wait for one. */
  set onFrame(handler: FrameHandler | undefined) {
    this.frameHandler = handler
    this.takeFrames()
  }

  /** Told once that the connection has ended, by whomever; `reason` where it was an error. */
  set onClose(handler: CloseHandler | undefined) {
    this.closeHandler = handler
    if (this.closed) handler?.(this.closed.reason)
  }

  /** This side's address. */
  get localAddress(): string {
    return this.socket.localAddress ?? ''
  }

  /**
   * The socket's number for the system, for whoever reads and writes it while no bytes travel otherwise; undefined where it
   * is closed. It is this one's only until the event loop has its next turn.
   */
  get descriptor(): number | undefined {
    const { _handle: handle } = this.socket as Socket & { _handle?: { fd?: number } | null }
    return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined
  }

  /** Longer frames end the connection: before the handshake is over nothing long is said. */
  limitFrames(longest = LONGEST_FRAME): void {
    this.longestFrame = longest
  }

  /** Resolves when the system has taken it. */
  send(kind: number, payload: Uint8Array | string | object = ''): Promise<void> {
    if (payload instanceof Uint8Array) return this.write(...frameParts(kind, payload))
    return this.write(...frameParts(kind, Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))))
  }

  /** Bytes without a frame. Resolves when the system has taken them. */
  write(...parts: Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(this.closed.reason ?? new Error(`the connection with ${this.remote} is closed`))
      this.socket.cork()
      for (const part of parts.slice(0, -1)) this.socket.write(part)
      this.socket.write(parts.at(-1)!, (error) => (error ? reject(error) : resolve()))
      this.socket.uncork()
    })
  }

  /** From now on there are no frames, only bytes for `receiveInto`. What nobody asks for stays with the system. */
  startRaw(): void {
    this.raw = true
    this.early = this.frames.takeAll()
    this.socket.pause()
  }

  /** Resolves when `into` is full. Calls are served in order. */
  receiveInto(into: Uint8Array): Promise<void> {
    const received = this.targets.add(into)
    while (this.targets.room && this.early.length > 0) this.keep(this.targets.fill(this.early.shift()!), true)
    if (this.closed) this.targets.fail(this.closed.reason ?? new Error(`${this.remote} closed the connection`))
    else if (this.targets.room) this.socket.resume()
    return received
  }

  /**
   * Bytes have come. @param reused their memory is written again after the call
   * @returns false where the socket should wait
   */
  push(bytes: Uint8Array, reused: boolean): boolean {
    if (!this.raw) {
      this.frames.push(reused ? bytes.slice() : bytes)
      this.takeFrames()
      return true
    }
    const rest = this.targets.fill(bytes)
    this.keep(reused ? rest.slice() : rest)
    return this.paused()
  }

  /**
   * Where the next bytes may be read to without a copy; undefined where they must go through `push`. Node asks after each
   * read, for the next: while nobody waits for bytes it gets room for one, so that it never reads more than are asked for.
   */
  get room(): Uint8Array | undefined {
    this.offered = this.raw ? this.targets.room : undefined
    return this.offered ?? (this.raw ? this.single : undefined)
  }

  /** Bytes have been read into `buffer`, which may be what `room` was. @returns false where the socket should wait */
  arrived(buffer: Uint8Array, count: number): boolean {
    if (buffer !== this.offered) return this.push(buffer.subarray(0, count), true)
    this.targets.advance(count)
    return this.paused()
  }

  close(): void {
    this.socket.destroy()
  }

  /** Sends what is on its way, then closes. */
  end(): void {
    this.socket.end()
  }

  unref(): void {
    this.socket.unref()
  }

  private paused(): boolean {
    if (this.targets.room) return true
    this.socket.pause()
    return false
  }

  private keep(bytes: Uint8Array, first = false): void {
    if (bytes.byteLength === 0) return
    if (first) this.early.unshift(bytes)
    else this.early.push(bytes)
  }

  private takeFrames(): void {
    while (this.frameHandler && !this.socket.destroyed && !this.raw) {
      const frame = this.nextFrame()
      if (!frame) return
      this.frameHandler(frame.kind, frame.payload)
    }
  }

  private nextFrame(): Frame | undefined {
    try {
      return this.frames.take(this.longestFrame)
    } catch (error) {
      this.socket.destroy(error as Error)
      return undefined
    }
  }

  private ended(reason?: Error): void {
    this.closed = { reason }
    this.targets.fail(reason ?? new Error(`${this.remote} closed the connection`))
    this.closeHandler?.(reason)
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
