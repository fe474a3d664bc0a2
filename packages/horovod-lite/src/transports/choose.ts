import type { Mpi } from './mpi/start'
import type { TcpTransport } from './tcp/tcp'
import type { Peer, Transport } from './transport'

export interface ChooseOptions {
  /** `auto`, `tcp`, `shm`, `mpi`, or a module's URL. */
  name: string
  rank: number
  peers: readonly Peer[]
  tcp: TcpTransport
  mpi?: Mpi
}

/** The transport that is asked for; `auto` decides from what all peers said, so that all decide alike. */
export async function openTransport({ name, tcp }: ChooseOptions): Promise<Transport> {
  if (name === 'auto' || name === 'tcp') return tcp
  throw new Error(`transport: got ${name}, expected auto, tcp, shm, mpi, or the URL of a module`)
}
