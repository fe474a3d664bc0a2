import type { World } from '../../world'
import { type Host, placesOn } from '../hosts'

/** A process of the job that has not ended, as the driver sees it. */
export interface Worker {
  id: string
  host: string
  /** Number on its host, for as long as it runs. */
  slot: number
  /** Counts all that were ever started: the lower, the older. */
  number: number
  startedAt: number
  /** Of its last place; the one it will probably get, before it has one. */
  rank: number
  /** The last world in which it has had a place; −1: none yet. */
  generation: number
  /** It has registered and waits for a place. */
  waiting: boolean
  /** It said that its training state is that of the job. */
  hasState: boolean
  /** It was told to end. */
  stopping: boolean
}

export interface SeatingInput {
  /** Those that were not told to end. */
  alive: readonly Worker[]
  /** Slots that a process which was told to end still occupies. */
  occupied: readonly Pick<Worker, 'host' | 'slot'>[]
  hosts: Record<'ready' | 'pardoned' | 'failed', readonly Host[]>
  min: number
  max: number
  /** Whether somebody has the job's training state, as far as is known. */
  holds(worker: Worker): boolean
}

export interface Seating {
  /** Who stays, in the order of ranks. */
  seated: Worker[]
  /** Slots in which a process is to be started. */
  start: Pick<Worker, 'host' | 'slot'>[]
  /** How many of those are on hosts that are there: --min-np counts them. */
  counting: number
  /** Hosts that failed whose living processes are needed. */
  pardoned: string[]
}

/**
 * Who takes part in the next world. A host that failed is left altogether (as in Horovod: its hardware may be bad) unless
 * the others are too few without it, or have no state: then those that live there stay.
 */
export function seat({ alive, occupied, hosts, min, max, holds }: SeatingInput): Seating {
  const seniority = (a: Worker, b: Worker) => Number(holds(b)) - Number(holds(a)) || a.number - b.number
  const on = (places: readonly Host[]) =>
    places.flatMap(({ name, slots }) =>
      alive
        .filter(({ host }) => host === name)
        .sort(seniority)
        .slice(0, slots),
    )
  let seated = on([...hosts.ready, ...hosts.pardoned])
  const free = freeSlots(hosts.ready, [...alive, ...occupied])
  let pardoned: Worker[] = []
  if (!seated.some(holds) || seated.length + free.length < min) {
    pardoned = on(hosts.failed).filter(holds)
    seated = [...seated, ...pardoned]
  }
  const listed = Math.min(seated.length, max)
  if (!seated.some(holds)) {
    // Those on hosts that are to go pass it on first: one of them at least, and no more than leave room for the others.
    const room = Math.max(1, max - seated.length - free.length)
    seated = [...seated, ...alive.filter(holds).sort(seniority).slice(0, room)]
  }
  seated = byRank(seated.sort(seniority).slice(0, max), holds)
  return {
    seated,
    start: free.slice(0, max - seated.length),
    counting: Math.min(listed, seated.length),
    pardoned: [...new Set(pardoned.map(({ host }) => host))],
  }
}

function freeSlots(hosts: readonly Host[], taken: readonly Pick<Worker, 'host' | 'slot'>[]) {
  return hosts.flatMap(({ name: host, slots }) => {
    const used = new Set(taken.filter((worker) => worker.host === host).map(({ slot }) => slot))
    const numbers = Array.from({ length: slots + used.size }, (_, slot) => slot).filter((slot) => !used.has(slot))
    return numbers.slice(0, Math.max(0, slots - used.size)).map((slot) => ({ host, slot }))
  })
}

/** Host by host, those first whose processes have the state, and the older ones before the younger. */
export function byRank(workers: readonly Worker[], holds = ({ hasState }: Worker) => hasState): Worker[] {
  const first = (a: Worker, b: Worker) =>
    Number(b.hasState) - Number(a.hasState) || Number(holds(b)) - Number(holds(a)) || a.number - b.number
  const sorted = [...workers].sort(first)
  const hosts = [...new Set(sorted.map(({ host }) => host))]
  return hosts.flatMap((name) => sorted.filter(({ host }) => host === name))
}

/** The places of a world, in the order of ranks. @param workers those of one host together */
export function worldsOf(workers: readonly Pick<Worker, 'host'>[]): World[] {
  const names = [...new Set(workers.map(({ host }) => host))]
  const hosts = names.map((name) => ({ name, slots: workers.filter(({ host }) => host === name).length }))
  return placesOn(hosts, workers.length).map(({ host: _, ...place }) => ({ ...place, source: null }))
}
