import { hostname } from 'node:os'
import type { Start } from '../process/messages'
import { type Mpi, startMpi } from '../transports/mpi/start'
import { loadNative } from '../transports/native'
import type { Peer } from '../transports/transport'
import { newSecret } from '../wire/authentication'
import { parse } from '../wire/connection'
import { addressOfInterface, hostId, reachableAddresses } from '../wire/interfaces'
import type { Address } from '../wire/listener'
import { openRegistration, register } from '../wire/register'
import { HOSTS_UPDATED, type Registration, RendezvousServer, WORLD_BROKEN } from '../wire/rendezvous'
import type { Environment, World } from '../world'
import type { Doors } from './doors'
import { warn } from './warn'

/** What a process knows when all have met. */
export interface Met {
  world: World
  peers: Peer[]
  /** How many worlds this job had before this one. */
  generation: number
  secret: string
  mpi?: Mpi
  /** All are connected: a rendezvous that this process held has done its work. */
  connected(): void
  close(): void
}

/** How this process describes itself to the others. */
const self = (addresses: Address[], environment: Environment): Omit<Peer, 'rank'> => ({
  host: hostname(),
  hostId: hostId(),
  pid: process.pid,
  addresses,
  native: 'addressOf' in loadNative(),
  timeline: Boolean(environment.HOROVOD_TIMELINE),
})

/** `mpi` where it is asked for, and under mpirun where there is no rendezvous. */
export function usesMpi({ transport, environment, world }: Start): boolean {
  if (transport !== 'auto') return transport === 'mpi'
  return world.source === 'OMPI_COMM_WORLD_SIZE' && !rendezvousOf(environment)
}

/** MPI has connected all ranks already: they tell each other through it. */
export async function meetThroughMpi({ world, environment }: Start, doors: Doors): Promise<Met> {
  const mpi = startMpi(environment, world.size)
  const gather = <T>(value: T): T[] =>
    mpi
      .allgatherBytes(Buffer.from(JSON.stringify(value)))
      .map((bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')))
  const [secret] = gather(environment.HOROVOD_SECRET_KEY || newSecret()) as [string]
  const iface = environment.HOROVOD_GLOO_IFACE
  const oneHost = new Set(gather(hostId())).size === 1
  const hosts = iface ? [addressOfInterface(iface)] : oneHost ? ['127.0.0.1'] : reachableAddresses()
  const addresses = await doors.listen(hosts, secret, mpi.rank)
  const peers = gather(self(addresses, environment)).map((peer, rank) => ({ rank, ...peer }))
  const own = { ...world, rank: mpi.rank, size: mpi.size }
  return { world: own, peers, generation: 0, secret, mpi, connected: () => {}, close: () => {} }
}

/** The launcher's rendezvous, or (`hosted`) the one that rank 0 holds. */
function rendezvousOf(environment: Environment): { address: Address; hosted: boolean } | undefined {
  const { HOROVOD_GLOO_RENDEZVOUS_ADDR: host, HOROVOD_GLOO_RENDEZVOUS_PORT: port } = environment
  if (host && port) return { address: { host, port: Number(port) }, hosted: false }
  const { MASTER_ADDR: master, MASTER_PORT: masterPort, TORCHELASTIC_USE_AGENT_STORE: agent } = environment
  if (!master || !masterPort) return undefined
  const taken = agent === 'True' // torchrun itself listens there
  return { address: { host: master, port: Number(masterPort) + (taken ? 1 : 0) }, hosted: true }
}

/** What the launcher tells those who train (elastic). */
export interface News {
  /** Hosts have come or gone: another world is wanted. */
  onHostsUpdated(): void
  /** A process of this world has ended. */
  onBroken(message: string): void
}

/** @throws where there is no rendezvous or no secret, or where ranks are missing when the time is over */
export async function meetAtRendezvous(
  { world, environment }: Start,
  doors: Doors,
  timeoutSeconds: number,
  news: News,
): Promise<Met> {
  const place = rendezvousOf(environment)
  if (!place)
    throw new Error(
      `got a world of ${world.size} processes (${world.source}) and no rendezvous, expected HOROVOD_GLOO_RENDEZVOUS_ADDR and _PORT, or MASTER_ADDR and MASTER_PORT: start with hvdrun, or set MASTER_ADDR to rank 0's host and MASTER_PORT to a free port`,
    )
  const secret = environment.HOROVOD_SECRET_KEY
  if (!secret)
    throw new Error(
      'got no HOROVOD_SECRET_KEY, expected the same secret on every rank: start with hvdrun, or export HOROVOD_SECRET_KEY=$(openssl rand -hex 32) before the launch',
    )
  const { address, hosted } = place
  const chosen = environment.HOROVOD_GLOO_IFACE && addressOfInterface(environment.HOROVOD_GLOO_IFACE)
  const elastic = environment.HOROVOD_ELASTIC === '1'
  const onRefused = (line: string) => warn(`horovod-lite, rank 0, at the rendezvous: ${line}`)
  const server = hosted && world.rank === 0 ? await RendezvousServer.open({ ...address, secret, onRefused }) : undefined
  try {
    const connection = await openRegistration({ address: server?.address ?? address, secret, timeoutSeconds })
    const host = chosen || connection.localAddress.replace(/^::ffff:/, '')
    const rank = elastic ? null : world.rank
    const registration: Registration = {
      ...self(await doors.listen([host], secret, rank), environment),
      rank,
      size: elastic ? null : world.size,
      worker: environment.HOROVOD_ELASTIC_WORKER ?? String(world.rank),
      hasState: environment.HOROVOD_ELASTIC_HAS_STATE === '1',
      neverBegan: environment.HOROVOD_ELASTIC_NEVER_BEGAN === '1',
    }
    // An elastic launcher says itself when it is tired of waiting.
    const limit = elastic ? Infinity : timeoutSeconds
    const { peers, world: assigned, generation } = await register(connection, registration, limit)
    connection.unref()
    connection.onFrame = (kind, payload) => {
      if (kind === HOSTS_UPDATED) news.onHostsUpdated()
      else if (kind === WORLD_BROKEN) news.onBroken(parse<{ message: string }>(payload)?.message ?? '')
    }
    const own = elastic ? { ...assigned, source: world.source } : world
    return {
      world: own,
      peers,
      generation,
      secret,
      connected: () => {
        if (hosted) connection.close()
        server?.close()
      },
      close: () => connection.close(),
    }
  } catch (error) {
    server?.close()
    throw error
  }
}
