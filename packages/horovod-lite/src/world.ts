/** This process's place among all that train together. */
export interface World {
  /** 0 … size − 1. */
  rank: number
  /** Processes in all. */
  size: number
  /** Rank among those on the same host. */
  localRank: number
  localSize: number
  /** Rank among those that have the same local rank, each on another host. */
  crossRank: number
  crossSize: number
  /** The variable that the size came from, or null: nobody launched this process. */
  source: string | null
}

export type Environment = Readonly<Record<string, string | undefined>>
type Pair = [rank: string, size: string]

interface Launcher {
  world: Pair
  local: Pair
  cross?: Pair
  /** Where the launcher need not give the local size: how to know it. */
  localSize?: (environment: Environment, world: Pick<World, 'rank' | 'size'>) => number | undefined
  /** Two variables that come together. */
  together?: Pair
}

/** The first launcher that left a variable of its first pair decides. */
const LAUNCHERS: Launcher[] = [
  {
    world: ['HOROVOD_RANK', 'HOROVOD_SIZE'],
    local: ['HOROVOD_LOCAL_RANK', 'HOROVOD_LOCAL_SIZE'],
    cross: ['HOROVOD_CROSS_RANK', 'HOROVOD_CROSS_SIZE'],
  },
  {
    world: ['OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'],
    local: ['OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_LOCAL_SIZE'],
  },
  { world: ['PMI_RANK', 'PMI_SIZE'], local: ['MPI_LOCALRANKID', 'MPI_LOCALNRANKS'] },
  {
    world: ['SLURM_PROCID', 'SLURM_NTASKS'],
    local: ['SLURM_LOCALID', 'SLURM_STEP_TASKS_PER_NODE'],
    cross: ['SLURM_NODEID', 'SLURM_NNODES'],
    localSize: slurmTasksOnNode,
  },
  {
    world: ['RANK', 'WORLD_SIZE'],
    local: ['LOCAL_RANK', 'LOCAL_WORLD_SIZE'],
    cross: ['GROUP_RANK', 'GROUP_WORLD_SIZE'],
    // All on one host, where nothing is said.
    localSize: ({ LOCAL_RANK, LOCAL_WORLD_SIZE }, { rank, size }) =>
      !LOCAL_WORLD_SIZE && LOCAL_RANK === String(rank) ? size : undefined,
    together: ['MASTER_ADDR', 'MASTER_PORT'],
  },
]

/**
 * Reads the world that a launcher announced: HOROVOD_*, OMPI_COMM_WORLD_*, PMI_*, SLURM_* or torchrun's variables, in
 * this order; without any, rank 0 of 1.
 * @throws where half a pair is there, or a number is out of its range
 */
export function worldOf(environment: Environment): World {
  const launcher = launcherOf(environment)
  if (!launcher) return { rank: 0, size: 1, localRank: 0, localSize: 1, crossRank: 0, crossSize: 1, source: null }

  if (launcher.together) requireBoth(environment, launcher.together)
  const [rank, size] = pair(environment, launcher.world)!
  const [localRank, localSize] = localPair(environment, launcher, { rank, size })
  const cross = launcher.cross && pair(environment, launcher.cross)
  const [crossRank, crossSize] = cross ?? [Math.floor(rank / localSize), Math.ceil(size / localSize)] // until all have met (`worldOn`)
  return { rank, size, localRank, localSize, crossRank, crossSize, source: launcher.world[1] }
}

/**
 * The world as it is known when all have met: Open MPI and PMI do not say which ranks are on which hosts, and some
 * launchers nothing of hosts at all.
 * @param hostIds of each rank, equal for those on one host
 */
export function worldOn(hostIds: readonly string[], world: World, environment: Environment): World {
  const launcher = launcherOf(environment)
  if (!launcher || (launcher.cross && pair(environment, launcher.cross))) return world
  const ranksOn = (id: string) => hostIds.flatMap((each, rank) => (each === id ? [rank] : []))
  const own = ranksOn(hostIds[world.rank]!)
  const said = pair(environment, launcher.local)
  const [localRank, localSize] = said ?? [own.indexOf(world.rank), own.length]
  const across = [...new Set(hostIds)].flatMap((id) => ranksOn(id)[localRank] ?? []).sort((a, b) => a - b)
  const crossRank = across.indexOf(world.rank)
  if (crossRank < 0) return world // the launcher has another notion of a host
  return { ...world, localRank, localSize, crossRank, crossSize: across.length }
}

const launcherOf = (environment: Environment) => LAUNCHERS.find(({ world }) => world.some((name) => environment[name]))

function localPair(environment: Environment, launcher: Launcher, world: Pick<World, 'rank' | 'size'>) {
  const known = environment[launcher.local[0]] ? launcher.localSize?.(environment, world) : undefined
  if (known === undefined) return pair(environment, launcher.local) ?? [world.rank, world.size] // nothing said: one host
  return pair({ ...environment, [launcher.local[1]]: String(known) }, launcher.local)!
}

/** Rank and size, or undefined where neither is there. */
function pair(environment: Environment, names: Pair): [rank: number, size: number] | undefined {
  if (!requireBoth(environment, names)) return undefined
  const [rank, size] = names.map((name) => whole(name, environment[name]!)) as [number, number]
  if (!(rank < size))
    throw new Error(`got ${names[0]}=${rank} and ${names[1]}=${size}, expected a rank below the size: ${HELP}`)
  return [rank, size]
}

/** Whether both are there; throws where one is. */
function requireBoth(environment: Environment, [a, b]: Pair): boolean {
  if (Boolean(environment[a]) !== Boolean(environment[b])) {
    const [there, missing] = environment[a] ? [a, b] : [b, a]
    throw new Error(`got ${there}=${environment[there]} without ${missing}, expected both or neither: ${HELP}`)
  }
  return Boolean(environment[a])
}

const HELP = 'start through the launcher, or set HOROVOD_RANK=0 HOROVOD_SIZE=1 to run alone'

function whole(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`got ${name}=${text}, expected a whole number: ${HELP}`)
  return Number(text)
}

/** Slurm writes the tasks of each node as `2(x3),1`: three nodes with two, one with one. */
function slurmTasksOnNode(environment: Environment): number | undefined {
  const list = environment.SLURM_STEP_TASKS_PER_NODE ?? environment.SLURM_TASKS_PER_NODE
  const tasks = (list ?? '').split(',').flatMap((entry) => {
    const [, count, nodes = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(entry) ?? []
    return count ? Array<number>(Number(nodes)).fill(Number(count)) : []
  })
  return tasks[Number(environment.SLURM_NODEID ?? 0)]
}
