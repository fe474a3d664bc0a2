import type { Host } from '../hosts'

/** A process that runs. */
export interface Running {
  host: string
  slot: number
}

export interface Change {
  start: Running[]
  /** Their host is gone, or has fewer slots. */
  stop: Running[]
}

/** What must change so that all slots are used that may be, and no others. What runs stays where it can. */
export function changeOf(hosts: readonly Host[], running: readonly Running[], most: number): Change {
  const slotsOf = (name: string) => hosts.find((host) => host.name === name)?.slots ?? 0
  const stop = running.filter(({ host, slot }) => slot >= slotsOf(host))
  const staying = running.filter((process) => !stop.includes(process))
  const free = hosts.flatMap(({ name, slots }) =>
    Array.from({ length: slots }, (_, slot) => ({ host: name, slot })).filter(
      ({ host, slot }) => !staying.some((process) => process.host === host && process.slot === slot),
    ),
  )
  return { start: free.slice(0, Math.max(0, most - staying.length)), stop }
}
