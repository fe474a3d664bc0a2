import { LocalTransport, type Transport } from './transport'
import { type Environment, type World, worldOf } from './world'

export interface InitOptions {
  /** Where the launcher's variables are. Default `process.env`. */
  environment?: Environment
  /** A transport of your own. Default `local`, which is for one process. */
  transport?: Transport
}

interface Context {
  world: World
  transport: Transport
}

// One world a realm, also where the ES module and the CommonJS build are both loaded.
const KEY = Symbol.for('@unet-industrial/horovod-lite')
const realm = globalThis as { [KEY]?: Context }

/**
 * Takes this process's place in the world that the launcher announced (`worldOf`). Call it once, before anything else;
 * a second call changes nothing.
 * @throws where the world has more than one process: this version has no transport between processes
 */
export async function init({
  environment = globalThis.process?.env ?? {},
  transport,
}: InitOptions = {}): Promise<void> {
  if (realm[KEY]) return
  const world = worldOf(environment)
  if (world.size > 1 && !transport)
    throw new Error(
      `got a world of ${world.size} processes (${world.source}), expected 1: this version of horovod-lite runs one process; start it without the launcher, or set HOROVOD_RANK=0 HOROVOD_SIZE=1 to run alone`,
    )
  realm[KEY] = { world, transport: transport ?? new LocalTransport() }
}

/** Leaves the world. `init` may follow. */
export async function shutdown(): Promise<void> {
  realm[KEY]?.transport.shutdown()
  delete realm[KEY]
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
/** This host's number. */
export const crossRank = (): number => context('crossRank()').world.crossRank
/** Hosts. */
export const crossSize = (): number => context('crossSize()').world.crossSize
