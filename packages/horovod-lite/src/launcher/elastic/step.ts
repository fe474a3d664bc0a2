import type { World } from '../../world'
import type { Worker } from './seating'

export interface Limits {
  /** Slots that must be there before anything is started. */
  start: number
  min: number
  max: number
  /** How many worlds may follow the first; undefined: any number. */
  resets?: number
  /** Seconds to wait for a world that can work. */
  timeout: number
  /** Seconds that processes may take to register; until then those who wait for others, or are to be disturbed, wait for them. */
  startTimeout: number
  /** Seconds until a host that failed may be tried again, doubled with each failure; undefined: never. */
  cooldown?: number
  /** No other hosts will ever be found. */
  fixedHosts: boolean
}

export interface Failure {
  worker: Worker
  /** `rank 2 on b was killed by SIGKILL` */
  text: string
  code: number
}

/** What the driver has to do now. */
export interface Step {
  start: Worker[]
  stop: Worker[]
  /** A new world: everybody's place. */
  place?: Map<string, World>
  /** Tell those who train that another world is wanted. */
  notify: boolean
  /** Who did not come back when its world had broken; it is in `stop` too. */
  lost: Failure[]
  /** The job is over. `reason` is undefined where it ended well. */
  end?: { reason?: string; failure?: Failure }
}
