import { hostname } from 'node:os'
import type { Start } from '../process/messages'
import { openTransport } from '../transports/choose'
import { startMpi } from '../transports/mpi/start'
import { loadNative } from '../transports/native'
import { DATA_ROLE, TcpTransport } from '../transports/tcp/tcp'
import type { Peer, Transport } from '../transports/transport'
import { newSecret } from '../wire/authentication'
import type { Connection } from '../wire/connection'
import { addressOfInterface, hostId, reachableAddresses } from '../wire/interfaces'
import { type Address, Listener } from '../wire/listener'
import { openRegistration, register } from '../wire/register'
import { HOSTS_UPDATED, type Registration, RendezvousServer } from '../wire/rendezvous'
import type { Environment, World } from '../world'
import { type Control, openControl } from './control'
import { numberOf } from './settings'

/** A process's place in its world, and its ways to the others. */
export interface Joined {
  world: World
  peers: Peer[]
  control: Control
  transport: Transport
  /** Closes what is left when everybody has gone. */
  close(): void
}

/** Meets the other ranks, opens the control star and the transport. @throws where somebody is missing when the time is over */
export async function joinWorld(start: Start, onHostsUpdated: () => void): Promise<Joined> {
  const { environment } = start
  const timeoutSeconds = numberOf(environment, 'HOROVOD_START_TIMEOUT', 30)
  const doors = new Doors()
  const met = usesMpi(start)
    ? await meetThroughMpi(start, doors)
    : await meetAtRendezvous(start, doors, timeoutSeconds, onHostsUpdated)
  const { world, peers, secret } = met
  const { rank } = world
  const control = await openControl({ world, peers, secret, timeoutSeconds, doors, environment })
  const tcp = new TcpTransport({ rank, peers, secret, timeoutSeconds })
  doors.open(DATA_ROLE, (from, connection) => tcp.accept(from, connection))
  const transport = await openTransport({ name: start.transport, rank, peers, tcp, mpi: met.mpi })
  return {
    world,
    peers,
    control,
    transport,
    close: () => {
      doors.close()
      met.close()
    },
  }
}

/** Connections that peers open to this process, by what they are for; they wait until that exists. */
export class Doors {
  listener?: Listener
  private readonly handlers = new Map<string, (rank: number, connection: Connection) => void>()
  private readonly waiting: [role: string, rank: number, connection: Connection][] = []

  async listen(hosts: string[], secret: string, rank: number | null): Promise<Address[]> {
    this.listener = await Listener.open({
      hosts,
      secret,
      onConnection: ({ role, rank: from }, connection) => {
        const handler = this.handlers.get(role)
        if (handler) handler(from, connection)
        else this.waiting.push([role, from, connection])
      },
      onRefused: (line) => process.stderr.write(`horovod-lite, rank ${rank ?? '?'}: ${line}\n`),
    })
    this.listener.unref()
    return this.listener.addresses
  }

  open(role: string, handler: (rank: number, connection: Connection) => void): void {
    this.handlers.set(role, handler)
    for (const [at, rank, connection] of this.waiting.filter(([waits]) => waits === role)) {
      this.waiting.splice(
        this.waiting.findIndex(([, , other]) => other === connection),
        1,
      )
      if (at === role) handler(rank, connection)
    }
  }

  close(): void {
    this.listener?.destroy()
  }
}

interface Met {
  world: World
  peers: Peer[]
  secret: string
  mpi?: Awaited<ReturnType<typeof startMpi>>
  close(): void
}

const self = (addresses: Address[]): Omit<Peer, 'rank'> => ({
  host: hostname(),
  hostId: hostId(),
  pid: process.pid,
  addresses,
  native: 'addressOf' in loadNative(),
})

/** `mpi` where it is asked for, and under mpirun where there is no rendezvous. */
function usesMpi({ transport, environment, world }: Start): boolean {
  if (transport !== 'auto') return transport === 'mpi'
  return world.source === 'OMPI_COMM_WORLD_SIZE' && !rendezvousOf(environment)
}

async function meetThroughMpi({ world, environment }: Start, doors: Doors): Promise<Met> {
  const mpi = await startMpi(environment)
  const own = { ...world, rank: mpi.rank, size: mpi.size }
  const gather = <T>(value: T): T[] =>
    mpi
      .allgatherBytes(Buffer.from(JSON.stringify(value)))
      .map((bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')))
  const [secret] = gather(environment.HOROVOD_SECRET_KEY || newSecret()) as [string]
  const iface = environment.HOROVOD_GLOO_IFACE
  const oneHost = new Set(gather(hostId())).size === 1
  const hosts = iface ? [addressOfInterface(iface)] : oneHost ? ['127.0.0.1'] : reachableAddresses()
  const addresses = await doors.listen(hosts, secret, mpi.rank)
  const peers = gather(self(addresses)).map((peer, rank) => ({ rank, ...peer }))
  return { world: own, peers, secret, mpi, close: () => {} }
}

/** The launcher's rendezvous, or the one that rank 0 holds. */
function rendezvousOf({
  HOROVOD_GLOO_RENDEZVOUS_ADDR: host,
  HOROVOD_GLOO_RENDEZVOUS_PORT: port,
  MASTER_ADDR: master,
  MASTER_PORT: masterPort,
}: Environment): { address: Address; hosted: boolean } | undefined {
  if (host && port) return { address: { host, port: Number(port) }, hosted: false }
  if (master && masterPort) return { address: { host: master, port: Number(masterPort) }, hosted: true }
  return undefined
}

async function meetAtRendezvous(
  { world, environment }: Start,
  doors: Doors,
  timeoutSeconds: number,
  onHostsUpdated: () => void,
): Promise<Met> {
  const place = rendezvousOf(environment)
  if (!place)
    throw new Error(
      `got a world of ${world.size} processes (${world.source}) and no rendezvous, expected HOROVOD_GLOO_RENDEZVOUS_ADDR and _PORT, or MASTER_ADDR and MASTER_PORT: start with hvdrun, or set MASTER_ADDR to rank 0's host and MASTER_PORT to a free port`,
    )
  const secret = environment.HOROVOD_SECRET_KEY
  if (!secret)
    throw new Error(
      `got no HOROVOD_SECRET_KEY, expected the same secret on every rank: start with hvdrun, or export HOROVOD_SECRET_KEY=$(openssl rand -hex 32) before the launch`,
    )
  const elastic = environment.HOROVOD_ELASTIC === '1'
  const server =
    place.hosted && world.rank === 0 ? await RendezvousServer.open({ ...place.address, secret }) : undefined
  try {
    const connection = await openRegistration({ address: place.address, secret, timeoutSeconds })
    const iface = environment.HOROVOD_GLOO_IFACE
    const host = iface ? addressOfInterface(iface) : connection.localAddress.replace(/^::ffff:/, '')
    const rank = elastic ? null : world.rank
    const addresses = await doors.listen([host], secret, rank)
    const registration: Registration = {
      ...self(addresses),
      rank,
      size: elastic ? null : world.size,
      worker: environment.HOROVOD_ELASTIC_WORKER ?? String(world.rank),
    }
    const { peers, world: assigned } = await register(connection, registration, timeoutSeconds)
    connection.unref()
    connection.onFrame = (kind) => {
      if (kind === HOSTS_UPDATED) onHostsUpdated()
    }
    const close = () => {
      connection.close()
      server?.close()
    }
    return { world: elastic ? { ...assigned, source: world.source } : world, peers, secret, close }
  } catch (error) {
    doors.close()
    server?.close()
    throw error
  }
}
