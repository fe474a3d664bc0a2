import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'

/** The cores of a process. */
export interface Cores {
  host: string
  /** Those that it may run on, by number; with some systems more than there are. */
  numbers: number[]
  /** How many it may keep busy: fewer where a container has a quota. */
  parallelism: number
}

/** Those of this process: all of the host, unless it is bound (taskset, Slurm, mpirun). */
export function ownCores(): Cores {
  const parallelism = availableParallelism()
  const numbers = allowed() ?? Array.from({ length: parallelism }, (_, number) => number)
  return { host: hostname(), numbers, parallelism }
}

/** Linux's list, such as `0-3,8`; undefined with other systems, where nothing binds a process. */
function allowed(): number[] | undefined {
  const path = '/proc/self/status'
  const list = existsSync(path) && /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(path, 'utf8'))?.[1]
  if (!list) return undefined
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?]
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

/**
 * Threads for one of several processes: its own cores, and an equal part of each that others may run on, too. A quota is
 * taken for one of all processes on the host.
 */
export function threadsFor(own: Cores, all: readonly Cores[]): number {
  const here = all.filter(({ host }) => host === own.host)
  const users = (core: number) => here.filter(({ numbers }) => numbers.includes(core)).length
  const share = own.numbers.reduce((sum, core) => sum + 1 / users(core), 0)
  const limit = own.parallelism < own.numbers.length ? own.parallelism / here.length : share
  return Math.max(1, Math.floor(Math.min(share, limit) + 1e-6)) // six sixths are a little less than one
}
