import { HorovodInternalError } from './elastic/errors'
import type { Client } from './process/client'
import { type Environment, type World, worldOf } from './world'

export interface InitOptions {
  /** Where the launcher's variables are. Default `process.env`. */
  environment?: Environment
  /**
   * `auto`, `tcp`, `shm`, `mpi`, or the URL of a module that exports `connect` (docs/design.md, "Transports").
   * Default HOROVOD_TRANSPORT, or `auto`.
   */
  transport?: string
}

interface Context {
  world: World
  /** As given to `init`, with the transport. */
  environment: Environment
  /** Undefined in a world of one. */
  client?: Client
}

// One world a realm, also where the ES module and the CommonJS build are both loaded.
const KEY = Symbol.for('@unet-industrial/horovod-lite')
const realm = globalThis as { [KEY]?: Context }
let starting: Promise<void> | undefined

/**
 * Takes this process's place in the world that the launcher announced (`worldOf`), and waits for the other ranks. Call it
 * once, before anything else; a second call changes nothing. A process that nobody launched is a world of one, at once.
 * @throws where a variable is wrong, a rank is missing when HOROVOD_START_TIMEOUT (30 s) is over, or the transport cannot work here
 */
export async function init({
  environment = globalThis.process?.env ?? {},
  transport,
}: InitOptions = {}): Promise<void> {
  if (realm[KEY]) return
  if (starting) return starting
  const world = worldOf(environment)
  if (world.size === 1 && environment.HOROVOD_ELASTIC !== '1') {
    realm[KEY] = { world, environment }
    return
  }
  starting = start(world, transport === undefined ? environment : { ...environment, HOROVOD_TRANSPORT: transport })
  try {
    await starting
  } finally {
    starting = undefined
  }
}

async function start(world: World, environment: Environment): Promise<void> {
  const { startClient } = await import('./process/start')
  for (let told = environment; !realm[KEY]; )
    try {
      const client = await startClient(world, told, environment.HOROVOD_TRANSPORT || 'auto')
      realm[KEY] = { world: client.world, environment, client }
    } catch (error) {
      if (!(error instanceof HorovodInternalError)) throw error // else (elastic) the launcher forms another world
      told = { ...environment, HOROVOD_ELASTIC_NEVER_BEGAN: '1' }
    }
}

/** Leaves the world and takes a place in the next (elastic). @param more variables that have changed */
export async function reinit(more: Environment): Promise<void> {
  const { environment } = context('reinit()')
  await shutdown()
  await init({ environment: { ...environment, ...more } })
}

/** Leaves the world: says goodbye to the other ranks. `init` may follow. */
export async function shutdown(): Promise<void> {
  const { client } = realm[KEY] ?? {}
  delete realm[KEY]
  await client?.close()
}

export const isInitialized = (): boolean => realm[KEY] !== undefined

/** @throws before `init` */
export function context(caller: string): Context {
  const current = realm[KEY]
  if (!current)
    throw new Error(`got ${caller} before init, expected init() first: await init() once when the program starts`)
  return current
}

/** This process's number, 0 … size() − 1. Rank 0 writes checkpoints and logs. */
export const rank = (): number => context('rank()').world.rank
/** Processes in the world. */
export const size = (): number => context('size()').world.size
/** This process's number on its host. */
export const localRank = (): number => context('localRank()').world.localRank
/** Processes on this host. */
export const localSize = (): number => context('localSize()').world.localSize
/** This process's number among those that have its local rank, each on another host: the host's number where all have as many. */
export const crossRank = (): number => context('crossRank()').world.crossRank
/** Hosts that have a process with this local rank. */
export const crossSize = (): number => context('crossSize()').world.crossSize
/** What moves the tensors: `local` in a world of one, else `tcp`, `shm`, `mpi` or a module's own name. */
export const transportName = (): string => context('transportName()').client?.transport ?? 'local'
