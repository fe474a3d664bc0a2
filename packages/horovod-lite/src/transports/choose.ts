import { LocalTransport } from './local'
import { MpiTransport } from './mpi/mpi'
import type { Mpi } from './mpi/start'
import { loadNative } from './native'
import { openSegment } from './shm/open'
import { ShmTransport } from './shm/shm'
import type { Links } from './tcp/links'
import type { TcpTransport } from './tcp/tcp'
import type { Peer, Transport } from './transport'

export interface ChooseOptions {
  /** `auto`, `tcp`, `shm`, `mpi`, or a module's URL. */
  name: string
  rank: number
  peers: readonly Peer[]
  tcp: TcpTransport
  /** HOROVOD_SHM_BUFFER. */
  shmBuffer?: string
  /** Where the ranks have met through MPI. */
  mpi?: Mpi
}

/** A transport of somebody else's: a module that exports `connect`. */
export interface TransportModule {
  /** @param place `links` carry bytes between the ranks, to find each other by whatever else */
  connect(place: { rank: number; peers: readonly Peer[]; links: Links }): Promise<Transport> | Transport
}

/**
 * The transport that is asked for; `auto` decides by what all peers said of themselves, so that all decide alike.
 * @throws on every rank where it cannot work, with the reason and what to do
 */
export async function openTransport({ name, rank, peers, tcp, mpi, shmBuffer }: ChooseOptions): Promise<Transport> {
  if (mpi) return openMpi(mpi, rank, peers)
  if (name !== 'auto' && name !== 'tcp' && name !== 'shm') return openModule(name, { rank, peers, links: tcp })
  if (peers.length === 1) return new LocalTransport()
  if (name === 'tcp') return tcp
  const reason = whyNotShared(peers, rank)
  const shm = reason ? { reason } : await openShared(rank, peers, tcp, shmBuffer)
  if (!('reason' in shm)) return shm
  if (name === 'shm') throw new Error(`transport shm: ${shm.reason}; use tcp, or auto`)
  return tcp
}

/** Why these peers cannot share memory; undefined where they can. @param rank of this process */
export function whyNotShared(peers: readonly Peer[], rank: number): string | undefined {
  const without = peers.find(({ native }) => !native)
  if (without) {
    const native = without.rank === rank && loadNative()
    const why = native && 'reason' in native ? `: ${native.reason}` : ''
    return `rank ${without.rank} (${without.host}) could not load the addon${why}`
  }
  const [{ hostId, host }] = peers as [Peer]
  const other = peers.find((peer) => peer.hostId !== hostId)
  return (
    other &&
    `rank 0 (${host}) and rank ${other.rank} (${other.host}) are on different hosts, or in different namespaces`
  )
}

/** On one host with memory where its ranks meet; they do without where there is none. */
async function openMpi(mpi: Mpi, rank: number, peers: readonly Peer[]): Promise<Transport> {
  const transport = new MpiTransport(mpi)
  if (peers.length === 1 || whyNotShared(peers, rank)) return transport
  const { native } = mpi
  const opened = await openSegment({ native, rank, peers, through: transport, buffer: SHM_BUFFER.least })
  if ('segment' in opened) transport.segment = opened.segment
  return transport
}

async function openShared(rank: number, peers: readonly Peer[], tcp: TcpTransport, shmBuffer?: string) {
  const native = loadNative()
  if ('reason' in native) throw new Error(`transport shm: ${native.reason}`) // it was there when this rank registered
  const buffer = bufferOf(shmBuffer)
  const opened = await openSegment({ native, rank, peers, through: tcp, buffer })
  return 'reason' in opened ? opened : new ShmTransport(native, opened.segment, rank, peers)
}

/** Bytes of shared memory for each rank. More is not faster: what travels should stay in the processor's caches. */
const SHM_BUFFER = { byDefault: 2 ** 20, least: 2 ** 16, most: 2 ** 30 }

function bufferOf(text: string | undefined): number {
  const { byDefault, least, most } = SHM_BUFFER
  const bytes = Number(text || byDefault)
  if (bytes >= least && bytes <= most) return bytes
  throw new Error(`got HOROVOD_SHM_BUFFER=${text}, expected bytes for each rank, from ${least} to ${most}`)
}

async function openModule(url: string, place: Parameters<TransportModule['connect']>[0]): Promise<Transport> {
  if (!/^(file:|data:|\.{0,2}\/)/.test(url))
    throw new Error(`transport: got ${url}, expected auto, tcp, shm, mpi, or the URL of a module that exports connect`)
  const { connect } = (await import(url)) as Partial<TransportModule>
  if (!connect)
    throw new Error(`transport ${url}: the module exports no connect, expected connect({ rank, peers, links })`)
  return connect(place)
}
