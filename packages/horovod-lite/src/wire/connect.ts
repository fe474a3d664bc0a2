import { createConnection, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Hello, nonce, proof, sameProof } from './authentication'
import { Connection } from './connection'
import { type Address, CLIENT_PROOF, GREETING, LONGEST_HELLO, SERVER_PROOF } from './listener'

export interface ConnectOptions extends Hello {
  /** Tried in turn, again and again until the time is over: the other side may not listen yet. */
  addresses: readonly Address[]
  secret: string
  timeoutSeconds: number
  /** Bytes of the buffer that the system reads into. */
  bufferSize?: number
}

/** @throws where nobody answers in time, or the other side does not know the secret */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const deadline = performance.now() + options.timeoutSeconds * 1000
  let last = new Error('no address')
  for (let wait = 5; ; wait = Math.min(2 * wait, 250)) {
    for (const address of options.addresses)
      try {
        return await connectTo(address, options, deadline)
      } catch (error) {
        if (error instanceof WrongSecret) throw error
        last = error as Error
      }
    if (performance.now() + wait > deadline) break
    await pause(wait)
  }
  const tried = options.addresses.map(({ host, port }) => `${host}:${port}`).join(', ')
  throw new Error(
    `cannot connect to ${tried} within ${options.timeoutSeconds} s (${last.message}); is the job still running there, and the port open?`,
  )
}

class WrongSecret extends Error {}

function connectTo({ host, port }: Address, options: ConnectOptions, deadline: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let connection: Connection | undefined
    const socket: Socket = createConnection({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(options.bufferSize ?? 64 * 1024),
        callback: (count, buffer) => connection!.push(buffer.subarray(0, count), true),
      },
    })
    const timer = setTimeout(() => give(new Error('it does not answer')), Math.max(1, deadline - performance.now()))
    const give = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('error', give)
    socket.once('connect', () => {
      socket.off('error', give)
      connection = new Connection(socket)
      connection.longestFrame = LONGEST_HELLO
      greet(
        connection,
        options,
        () => {
          clearTimeout(timer)
          resolve(connection!)
        },
        give,
      )
    })
  })
}

/** The connecting side of the handshake. */
function greet(
  connection: Connection,
  { secret, role, rank }: ConnectOptions,
  done: () => void,
  failed: (e: Error) => void,
) {
  const own = nonce()
  let theirs = ''
  connection.onClose = (reason) =>
    failed(
      theirs && !reason
        ? new WrongSecret(
            `${connection.remote} refused this process: it has another HOROVOD_SECRET_KEY, or is another job`,
          )
        : (reason ?? new Error('it closed the connection')),
    )
  connection.onFrame = (kind, payload) => {
    const text = payload.toString('utf8')
    if (kind === GREETING && !theirs) {
      theirs = text
      const hello = { role, rank }
      connection
        .send(CLIENT_PROOF, { ...hello, nonce: own, proof: proof(secret, 'client', [theirs, own], hello) })
        .catch(failed)
    } else if (kind === SERVER_PROOF && sameProof(text, proof(secret, 'server', [theirs, own], { role, rank }))) {
      connection.onFrame = undefined
      connection.onClose = undefined
      connection.longestFrame = 64 * 2 ** 20
      done()
    } else failed(new Error(`${connection.remote} does not know the secret of this job`))
  }
}
