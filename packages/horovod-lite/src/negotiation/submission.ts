import type { WireType } from '../transports/transport'

export type Kind = 'allreduce' | 'allgather' | 'broadcast' | 'alltoall' | 'barrier'

/** One tensor of an operation, as it is compared. */
export interface Entry {
  name: string
  shape: number[]
  dtype: string
}

/** What a rank announces of an operation that it has submitted. */
export interface Submission {
  kind: Kind
  /** By which the ranks' submissions find each other. */
  name: string
  entries: Entry[]
  wire: WireType
  /** Of this rank's payload. */
  bytes: number
  /** What else must be equal: op, root, scale factors, compression. */
  attributes: Record<string, string | number>
  /** alltoall: bytes for each rank. */
  splits?: number[]
  /** Small enough to share a run with others. */
  fusable: boolean
}

/** What the coordinator decides; every rank is sent the same. */
export type Verdict =
  | {
      kind: 'run'
      names: string[]
      /** Of each name, bytes of each rank (allgather) or the ranks' splits one after the other (alltoall). */
      counts: number[][]
      /** Of each name what rank 0 or the first rank submitted, for ranks that joined. */
      like: Submission[]
    }
  /** `gone`: a rank that was needed has shut down. Else the ranks' calls differ. */
  | { kind: 'error'; names: string[]; message: string; gone?: boolean }
  | { kind: 'joined'; last: number }
  /** A rank has said goodbye: what was decided before is the last that it does. */
  | { kind: 'left'; rank: number }

/** `rank 2`, or `ranks 0, 2`. */
export const listed = (ranks: readonly number[]): string =>
  `${ranks.length === 1 ? 'rank' : 'ranks'} ${[...ranks].sort((a, b) => a - b).join(', ')}`
