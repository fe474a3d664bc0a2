import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { Connection } from '../../src/wire/connection'
import type { Address } from '../../src/wire/listener'

/** A bare socket to an address, and all that comes out of it. */
export interface Stranger {
  socket: Socket
  received(): Buffer
  closed: Promise<void>
}

/** @param localAddress from which it comes */
export function stranger({ host, port }: Address, localAddress?: string): Promise<Stranger> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = createConnection({ host, port, localAddress })
    socket.on('data', (chunk) => chunks.push(chunk))
    const closed = new Promise<void>((done) => socket.once('close', () => done()))
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.on('error', () => {}) // what is refused may be reset
      resolve({ socket, received: () => Buffer.concat(chunks), closed })
    })
  })
}

/** A server of another program. */
export async function otherServer(onSocket: (socket: Socket) => void): Promise<{ server: Server; address: Address }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { server, address: { host: '127.0.0.1', port } }
}

/** Both ends of a socket, as connections that read with Node's usual events. */
export async function pairOfConnections(): Promise<[Connection, Connection, close: () => void]> {
  let onAccepted!: (socket: Socket) => void
  const accepted = new Promise<Socket>((resolve) => {
    onAccepted = resolve
  })
  const { server, address } = await otherServer(onAccepted)
  const { socket } = await stranger(address)
  socket.removeAllListeners('data')
  const ends = [socket, await accepted].map((end) => {
    const connection = new Connection(end)
    end.on('data', (bytes: Buffer) => connection.push(bytes, false))
    return connection
  })
  const [one, other] = ends as [Connection, Connection]
  return [one, other, () => [one.close(), other.close(), server.close()]]
}
