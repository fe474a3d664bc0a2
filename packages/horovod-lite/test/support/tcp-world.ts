import type { Native } from '../../src/transports/native'
import { TcpTransport } from '../../src/transports/tcp/tcp'
import type { Peer } from '../../src/transports/transport'
import { Listener } from '../../src/wire/listener'

export interface TcpWorld {
  transports: TcpTransport[]
  listeners: Listener[]
  /** What the listeners said of strangers. */
  warnings: string[]
  close(): void
}

/** Ranks within this process, with real sockets between them. @param native whether each has the addon */
export async function tcpWorld(size: number, native: (rank: number) => Native | undefined): Promise<TcpWorld> {
  const secret = 'the secret of a job'
  const warnings: string[] = []
  const transports: TcpTransport[] = []
  const listeners = await Promise.all(
    Array.from({ length: size }, (_, rank) =>
      Listener.open({
        hosts: ['127.0.0.1'],
        secret,
        onConnection: (hello, connection) => transports[rank]!.accept(hello.rank, connection),
        onRefused: (line) => warnings.push(line),
      }),
    ),
  )
  const peers = listeners.map(
    ({ addresses }, rank): Peer => ({
      ...{ rank, host: `host${rank}`, hostId: '', pid: 100 + rank, addresses, native: false },
    }),
  )
  for (const { rank } of peers)
    transports.push(new TcpTransport({ rank, peers, generation: 0, secret, timeoutSeconds: 10, native: native(rank) }))
  const close = () => {
    for (const transport of transports) void transport.close()
    for (const listener of listeners) listener.destroy()
  }
  return { transports, listeners, warnings, close }
}
