import { HorovodInternalError } from '../elastic/errors'
import type { Start } from '../process/messages'
import { openTransport } from '../transports/choose'
import { loadNative } from '../transports/native'
import { DATA_ROLE, TcpTransport } from '../transports/tcp/tcp'
import type { Peer, Transport } from '../transports/transport'
import { type World, worldOn } from '../world'
import { type Control, openControl } from './control'
import { Doors } from './doors'
import { meetAtRendezvous, meetThroughMpi, type News, usesMpi } from './meet'
import { secondsOf } from './settings'

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
export async function joinWorld(start: Start, news: News): Promise<Joined> {
  const { environment } = start
  const timeoutSeconds = secondsOf(environment, 'HOROVOD_START_TIMEOUT', 30)
  const silenceSeconds = secondsOf(environment, 'HOROVOD_GLOO_TIMEOUT_SECONDS', 20)
  const doors = new Doors()
  const met = usesMpi(start)
    ? await meetThroughMpi(start, doors)
    : await meetAtRendezvous(start, doors, timeoutSeconds, news)
  const { peers, generation, secret, mpi } = met
  const assigned = environment.HOROVOD_ELASTIC === '1' // with all that belongs to a place
  const hostIds = peers.map(({ hostId }) => hostId)
  const world = assigned ? met.world : worldOn(hostIds, met.world, environment)
  const { rank } = world
  doors.enter(generation)
  // A rank that has the job's state takes a place in the next world where this one does not come about (elastic).
  const recoverable = <T>(opening: Promise<T>) =>
    opening.catch((error: Error): never => {
      throw environment.HOROVOD_ELASTIC_HAS_STATE === '1' ? new HorovodInternalError(error.message) : error
    })
  const control = await recoverable(
    openControl({ world, peers, generation, secret, timeoutSeconds, silenceSeconds, doors, environment }),
  )
  met.connected()
  const native = loadNative()
  const tcp = new TcpTransport({
    ...{ rank, peers, generation, secret, timeoutSeconds },
    native: 'reason' in native ? undefined : native,
  })
  doors.open(DATA_ROLE, (from, connection) => tcp.accept(from, connection))
  const broken = control.aborted.then((reason): never => {
    void tcp.close() // whoever is opening a transport stops
    throw environment.HOROVOD_ELASTIC === '1' ? new HorovodInternalError(reason) : new Error(reason)
  })
  const opening = recoverable(
    openTransport({ name: start.transport, rank, peers, tcp, mpi, shmBuffer: environment.HOROVOD_SHM_BUFFER }),
  )
  const transport = await Promise.race([opening, broken])
  const close = () => {
    doors.close()
    met.close()
  }
  return { world, peers, control, transport, close }
}
