/** Bytes before a frame's payload: its length (4, little endian) and its kind (1). */
const HEADER = 5

export interface Frame {
  kind: number
  payload: Buffer
}

/** A frame's bytes; a long payload is not copied. */
export function frameParts(kind: number, payload: Uint8Array): Uint8Array[] {
  const head = Buffer.allocUnsafe(HEADER)
  head.writeUInt32LE(payload.byteLength)
  head[4] = kind
  return payload.byteLength < 4096 ? [Buffer.concat([head, payload])] : [head, payload]
}

/** Puts frames together from a stream's pieces, however they are cut. */
export class FrameReader {
  private pieces: Uint8Array[] = []
  private bytes = 0
  /** Bytes that are needed before anything can be taken. */
  private wanted = HEADER

  push(piece: Uint8Array): void {
    this.pieces.push(piece)
    this.bytes += piece.byteLength
  }

  /**
   * The next frame that is complete.
   * @throws where it is longer than `longest`, as soon as its head says so
   */
  take(longest: number): Frame | undefined {
    if (this.bytes < this.wanted) return undefined
    const bytes = joined(this.takeAll())
    const length = bytes.readUInt32LE(0)
    if (length > longest) throw new Error(`got a frame of ${length} bytes, expected at most ${longest}`)
    const end = HEADER + length
    const complete = bytes.byteLength >= end
    this.wanted = complete ? HEADER : end
    const rest = complete ? bytes.subarray(end) : bytes
    if (rest.byteLength > 0) this.push(rest)
    return complete ? { kind: bytes[4]!, payload: bytes.subarray(HEADER, end) } : undefined
  }

  /** What has come and belongs to no frame that was taken. */
  takeAll(): Uint8Array[] {
    const all = this.pieces
    this.pieces = []
    this.bytes = 0
    return all
  }
}

/** One buffer; a single piece is not copied. */
function joined(pieces: Uint8Array[]): Buffer {
  const [{ buffer, byteOffset, byteLength }] = pieces as [Uint8Array]
  return pieces.length === 1 ? Buffer.from(buffer, byteOffset, byteLength) : Buffer.concat(pieces)
}
