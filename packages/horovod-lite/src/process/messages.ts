import type { Submission } from '../negotiation/submission'
import type { Lent, MemoryRange } from '../transports/transport'
import type { Environment, World } from '../world'

/** What the background thread is started with (`workerData`). */
export interface Start {
  /** As the launcher's variables tell; in elastic jobs the rendezvous tells. */
  world: World
  environment: Environment
  /** `auto`, a transport's name, or a module's URL. */
  transport: string
  /** Counters that the threads share; see `Signal`. */
  signals: SharedArrayBuffer
}

/** Places in `Start.signals`. */
export const Signal = {
  /** Counts results, so that the main thread can wait for one. */
  results: 0,
  /** Counts changes of the hosts (elastic). */
  hostsUpdated: 1,
  /** Counts on while the background thread is alive, but for what blocks it (MPI). */
  pulse: 2,
} as const

/** Memory for `Start.signals`. */
export const newSignals = (): SharedArrayBuffer => new SharedArrayBuffer(4 * Object.keys(Signal).length)

/** Milliseconds between two counts of `Signal.pulse`. */
export const PULSE = 500

/** Main thread → background thread. */
export type ToBackground =
  | {
      type: 'submit'
      id: number
      submission: Submission
      /** Shared memory: what is sent, and (allreduce, broadcast) where the result goes. */
      data?: Uint8Array
      /** Instead of `data`: memory of the main thread, which keeps it until the result is there. */
      direct?: { input: MemoryRange; output: MemoryRange }
    }
  | { type: 'blocked'; names: string[] }
  | { type: 'join'; id: number }
  | { type: 'leave'; id: number }
  /** What the main thread did itself broke off. */
  | { type: 'broken'; message: string }
  /** A span for the timeline, in milliseconds of `process.hrtime`. */
  | { type: 'span'; lane: string; name: string; start: number; end: number }

/** Why an operation failed: the ranks' calls differ, or a peer is gone (and everything later fails too). */
export interface Failure {
  kind: 'mismatch' | 'internal'
  message: string
}

export interface Result {
  type: 'result'
  id: number
  failure?: Failure
  /** allgather, alltoall: shared memory. */
  output?: Uint8Array
  /** allgather: bytes of each rank; alltoall: bytes received from each. */
  counts?: number[]
  /** join: the last rank. */
  last?: number
}

/** Background thread → main thread. */
export type ToMain =
  | { type: 'ready'; world: World; transport: string; direct: boolean; lent?: Lent }
  /** `internal`: a process of this world has ended before it had begun (elastic). */
  | { type: 'failed'; kind: 'internal' | 'other'; message: string }
  | Result
