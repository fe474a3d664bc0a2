import { createServer, type Server, type Socket } from 'node:net'
import { written } from './interfaces'
import { Strangers, type StrangersOptions } from './strangers'

export interface Address {
  host: string
  port: number
}

export interface ListenerOptions extends StrangersOptions {
  /** Addresses to listen on, and no others. */
  hosts: readonly string[]
  /** Default: whatever is free. */
  port?: number
}

/** Takes connections of those who know the secret. Anybody else is refused, and nothing else happens. */
export class Listener {
  private constructor(
    private readonly servers: Server[],
    private readonly sockets: Set<Socket>,
    readonly addresses: Address[],
  ) {}

  /** @throws where an address cannot be had */
  static async open(options: ListenerOptions): Promise<Listener> {
    const sockets = new Set<Socket>()
    const strangers = new Strangers(options)
    const servers: Server[] = []
    const addresses: Address[] = []
    try {
      for (const host of options.hosts) {
        const server = createServer((socket) => {
          sockets.add(socket)
          socket.once('close', () => sockets.delete(socket))
          strangers.admit(socket)
        })
        servers.push(server)
        addresses.push({ host, port: await listen(server, host, options.port ?? 0) })
        server.on('error', ({ message }) => options.onRefused?.(`could not take a connection: ${message}`))
      }
    } catch (error) {
      for (const server of servers) server.close()
      throw error
    }
    return new Listener(servers, sockets, addresses)
  }

  /** Takes no more connections. Those that were handed out stay. */
  close(): void {
    for (const server of this.servers) server.close()
  }

  /** Closes everything that ever came in, too. */
  destroy(): void {
    this.close()
    for (const socket of this.sockets) socket.destroy()
  }

  unref(): void {
    for (const server of this.servers) server.unref()
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `cannot listen on ${written({ host, port })}: ${code}; expected an address of this host and a free port: choose another network interface or port`,
        ),
      ),
    )
    server.listen({ host, port }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}
