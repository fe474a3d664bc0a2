import type { Policy, Registered, Registration } from './rendezvous'

/** Ranks that are named in a message at most. */
const NAMED = 10

/** Policy where the launcher has given the ranks: the world is complete when each is there. */
export const everybody: Policy = {
  reject(registration, waiting) {
    const { rank, size } = registration
    if (rank === null || size === null)
      return 'got a process without a rank, expected one that its launcher gave a rank'
    const other = waiting.find(({ registration }) => registration.size !== size || registration.rank === rank)
    if (!other) return undefined
    const [here, there] = [registration, other.registration].map(described)
    const help = 'give every process of a job its own rank and the same size, and every job its own port'
    return `got ${here}, expected another rank, and the size that all have, beside ${there}: ${help}`
  },

  assign(waiting) {
    const size = waiting[0]?.registration.size
    if (waiting.length !== size) return undefined
    const placeholder = { localRank: 0, localSize: 1, crossRank: 0, crossSize: 1, source: null } // each knows its own
    return waiting.map(({ registration: { rank } }) => ({ rank: rank!, size, ...placeholder }))
  },

  missing(waiting) {
    const absent = absentFrom(waiting)
    const more = absent.length > NAMED ? `, … (${absent.length} in all)` : ''
    return `rank${absent.length === 1 ? '' : 's'} ${absent.slice(0, NAMED).join(', ')}${more}`
  },
}

const described = ({ rank, size, host, pid }: Registration) => `rank ${rank} of ${size} (${host}, pid ${pid})`

function absentFrom(waiting: readonly Registered[]): number[] {
  const there = new Set(waiting.map(({ registration }) => registration.rank))
  const size = waiting[0]?.registration.size ?? 0
  return Array.from({ length: size }, (_, rank) => rank).filter((rank) => !there.has(rank))
}
