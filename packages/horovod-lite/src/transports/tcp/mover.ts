import type { Reduction, WireType } from '../transport'

/** Where received bytes go. With `own` they are added to it on their way: into = own op received; both may be the same. */
export interface Incoming<M> {
  into: M
  own?: M
}

/** Bytes to one rank and from one, at once. */
export interface Route<M> {
  to: number
  from: number
  outgoing: readonly M[]
  incoming: readonly Incoming<M>[]
  /** Bytes that may go before any has come; each that has come lets one more go. Default: all. */
  lead?: number
}

/** Moves and adds bytes of this process's memory, however it is given (`M`). Reductions are written on it. */
export interface Mover<M> {
  readonly rank: number
  readonly size: number
  part(memory: M, start: number, end: number): M
  length(memory: M): number
  /** Memory for what is received, until the next operation. */
  scratch(bytes: number): M
  /** target = x op y; the target may be x. */
  reduce(target: M, x: M, y: M, type: WireType, op: Reduction): void
  /** Resolves when all has come, and all that was sent may be changed. @param type of what is added */
  run(route: Route<M>, type?: WireType, op?: Reduction): Promise<void>
}
