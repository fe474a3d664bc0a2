import { createServer, type Server, type Socket } from 'node:net'
import { type Hello, nonce, proof, sameProof } from './authentication'
import { Connection, parse } from './connection'

export interface Address {
  host: string
  port: number
}

export interface ListenerOptions {
  /** Addresses to listen on, and no others. */
  hosts: readonly string[]
  /** Default: whatever is free. */
  port?: number
  secret: string
  onConnection(hello: Hello, connection: Connection): void
  /** One line for each connection that was refused; at most one a second is told. */
  onRefused?(line: string): void
}

/** Frames of the handshake. */
export const GREETING = 1
export const CLIENT_PROOF = 2
export const SERVER_PROOF = 3
export const LONGEST_HELLO = 1024
const DEADLINE = 5000
/** Connections that have proved nothing yet. Scanners and slow strangers beyond this are closed at once. */
const MOST_STRANGERS = 128

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
        const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
          sockets.add(socket)
          socket.once('close', () => sockets.delete(socket))
          strangers.admit(socket)
        })
        servers.push(server)
        addresses.push({ host, port: await listen(server, host, options.port ?? 0) })
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
          `cannot listen on ${host}:${port}: ${code}; expected an address of this host and a free port: choose another network interface or port`,
        ),
      ),
    )
    server.listen({ host, port }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

/** Connections that have not proved yet that they know the secret. */
class Strangers {
  private count = 0
  private told = Number.NEGATIVE_INFINITY

  constructor(private readonly options: ListenerOptions) {}

  admit(socket: Socket): void {
    const connection = new Connection(socket)
    socket.on('data', (chunk: Buffer) => connection.push(chunk, false))
    connection.longestFrame = LONGEST_HELLO
    if (this.count >= MOST_STRANGERS) {
      this.refuse(connection, 'too many connections that prove nothing')
      return
    }
    this.count++
    const own = nonce()
    const deadline = setTimeout(() => settle('it said nothing in time'), DEADLINE)
    let settled = false
    const settle = (problem?: string) => {
      if (settled) return
      settled = true
      clearTimeout(deadline)
      this.count--
      if (problem) this.refuse(connection, problem)
    }
    connection.onClose = (reason) => settle(reason?.message ?? 'it left without a word')
    connection.onFrame = (kind, payload) => {
      const hello = kind === CLIENT_PROOF ? helloOf(payload) : undefined
      if (!hello) return settle('it spoke another language')
      const right = proof(this.options.secret, 'client', [own, hello.nonce], hello)
      if (!sameProof(right, hello.proof)) return settle('it does not know the secret of this job')
      settle()
      connection.onFrame = undefined
      connection.onClose = undefined
      connection.longestFrame = 64 * 2 ** 20
      const { role, rank } = hello
      connection.send(SERVER_PROOF, proof(this.options.secret, 'server', [own, hello.nonce], hello)).catch(() => {})
      this.options.onConnection({ role, rank }, connection)
    }
    connection.send(GREETING, own).catch(() => {})
  }

  private refuse(connection: Connection, problem: string): void {
    connection.onFrame = undefined
    connection.close()
    const now = performance.now()
    if (now - this.told < 1000) return
    this.told = now
    this.options.onRefused?.(`refused a connection from ${connection.remote}: ${problem}`)
  }
}

function helloOf(payload: Buffer): (Hello & { nonce: string; proof: string }) | undefined {
  const { role, rank, nonce, proof } = parse<Record<string, unknown>>(payload) ?? {}
  if (typeof role !== 'string' || typeof nonce !== 'string' || typeof proof !== 'string') return undefined
  return Number.isInteger(rank) ? { role, rank: rank as number, nonce, proof } : undefined
}
