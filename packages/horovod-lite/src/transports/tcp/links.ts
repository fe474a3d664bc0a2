/** Bytes from rank to rank, in order. The algorithms of this folder are written on it. */
export interface Links {
  readonly rank: number
  readonly size: number
  /** Resolves when the bytes may be changed. */
  send(to: number, bytes: Uint8Array): Promise<void>
  /** Resolves when `into` is full. */
  receive(from: number, into: Uint8Array): Promise<void>
}
