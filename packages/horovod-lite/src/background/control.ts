import type { Submission, Verdict } from '../negotiation/submission'
import type { Peer } from '../transports/transport'
import type { Environment, World } from '../world'
import { Coordinator } from './coordinator'
import type { Doors } from './doors'
import { Member } from './member'

/** What a rank tells the coordinator. */
export type Announcement =
  | { say: 'submit'; submission: Submission }
  | { say: 'blocked'; names: string[] }
  | { say: 'join' }
  | { say: 'leave' }
  /** An operation broke off here. */
  | { say: 'failed'; message: string }

/** What the coordinator tells every rank. `abort`: nothing can go on. `bye`: rank 0 has shut down. */
export type Decision = { verdicts: Verdict[] } | { abort: string } | { bye: true }

/** A rank's way to the coordinator and back, in order. */
export interface Control {
  announce(announcement: Announcement): void
  onDecision: (decision: Decision) => void
  /** Why nothing can go on, as soon as that is so. */
  readonly aborted: Promise<string>
  /** Rank 0: a rank has announced an operation (for the timeline). */
  onSubmitted?: (rank: number, submission: Submission) => void
  /** After a goodbye. Resolves when it is on its way. */
  close(): Promise<void>
}

export interface ControlOptions {
  world: World
  peers: readonly Peer[]
  generation: number
  secret: string
  timeoutSeconds: number
  doors: Doors
  environment: Environment
  /** A rank whose host is silent for so long is dead. */
  silenceSeconds: number
}

export const openControl = (options: ControlOptions): Promise<Control> =>
  options.world.rank === 0 ? Coordinator.open(options) : Member.open(options)
