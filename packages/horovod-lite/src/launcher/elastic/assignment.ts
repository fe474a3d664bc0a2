import type { World } from '../../world'

/** A process that takes part in the next world. */
export interface Candidate {
  id: string
  host: string
  /** Of the first world it was in; undefined for a joiner. */
  since?: number
  /** In the world before. */
  rank?: number
}

/**
 * Ranks of the next world. Those who have been there longest come first, in their old order, so that rank 0 is one that
 * has the state; joiners follow, host by host.
 */
export function assignRanks(candidates: readonly Candidate[]): Map<string, World> {
  const late = Number.POSITIVE_INFINITY
  const sorted = [...candidates].sort(
    (a, b) =>
      (a.since ?? late) - (b.since ?? late) || // NaN where both are joiners: equal
      (a.rank ?? late) - (b.rank ?? late) ||
      (a.host < b.host ? -1 : a.host > b.host ? 1 : a.id < b.id ? -1 : 1),
  )
  const hosts = [...new Set(sorted.map(({ host }) => host))]
  const perHost = hosts.map((host) => sorted.filter((candidate) => candidate.host === host))
  return new Map(
    sorted.map(({ id, host }, rank) => {
      const mine = perHost[hosts.indexOf(host)]!
      const localRank = mine.findIndex((candidate) => candidate.id === id)
      const withThisLocalRank = perHost.filter((members) => members.length > localRank)
      const world: World = {
        rank,
        size: sorted.length,
        localRank,
        localSize: mine.length,
        crossRank: withThisLocalRank.indexOf(mine),
        crossSize: withThisLocalRank.length,
        source: null,
      }
      return [id, world]
    }),
  )
}
