import { createConnection } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import {
  CLIENT_PROOF,
  GREETING,
  type Hello,
  LONGEST_HELLO,
  newNonce,
  nonceOf,
  proofOf,
  REFUSED,
  SERVER_PROOF,
  sameProof,
} from './authentication'
import { Connection } from './connection'
import { written } from './interfaces'
import type { Address } from './listener'

export interface ConnectOptions extends Hello {
  /** Tried in turn, again and again until the time is over: the other side may not listen yet. */
  addresses: readonly Address[]
  secret: string
  timeoutSeconds: number
  /** After the handshake there are no frames (`startRaw`): no byte is read then that nobody asks for. */
  raw?: boolean
}

/** Milliseconds until another address is tried where nothing answers. */
const UNREACHABLE = 5000

/** What more time does not mend. */
class Final extends Error {}

/** @throws where nobody answers in time, or the other side does not know the secret */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { addresses, timeoutSeconds } = options
  const deadline = performance.now() + timeoutSeconds * 1000
  let last = 'there is no address'
  for (let wait = 5; ; wait = Math.min(2 * wait, 250)) {
    for (const address of addresses)
      try {
        return await attempt(address, options, deadline)
      } catch (error) {
        if (error instanceof Final) throw error
        last = (error as Error).message
      }
    if (performance.now() + wait > deadline) break
    await pause(wait)
  }
  const tried = addresses.map(written).join(', ')
  throw new Error(
    `cannot connect to ${tried} within ${timeoutSeconds} s (${last}); is the job still running there, and the port open?`,
  )
}

function attempt({ host, port }: Address, options: ConnectOptions, deadline: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let connection: Connection | undefined
    const scratch = Buffer.allocUnsafeSlow(64 * 1024)
    const socket = createConnection({
      host,
      port,
      onread: {
        buffer: () => connection?.room ?? scratch,
        callback: (count, buffer) => connection!.arrived(buffer, count),
      },
    })
    const fail = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const within = (milliseconds: number) => setTimeout(() => fail(new Error('no answer')), Math.max(1, milliseconds))
    const rest = () => deadline - performance.now()
    let timer = within(Math.min(UNREACHABLE, rest()))
    socket.on('error', fail)
    socket.once('connect', async () => {
      clearTimeout(timer)
      timer = within(rest()) // not less: the other side may have admitted this one, and take no second
      connection = new Connection(socket)
      try {
        await introduce(connection, options)
        clearTimeout(timer)
        socket.off('error', fail)
        resolve(connection)
      } catch (error) {
        fail(error as Error)
      }
    })
  })
}

/** The connecting side of the handshake. */
function introduce(connection: Connection, { secret, role, rank, generation, raw }: ConnectOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const hello = { role, rank, generation }
    const { remote } = connection
    const own = newNonce()
    let theirs: string | undefined
    const proof = (side: 'client' | 'server') => proofOf(side, secret, [theirs!, own], hello)
    connection.limitFrames(LONGEST_HELLO)
    connection.onClose = (reason) => reject(reason ?? new Error('it closed the connection'))
    connection.onFrame = (kind, payload) => {
      const text = payload.toString('utf8')
      if (theirs === undefined) {
        theirs = kind === GREETING ? nonceOf(text) : undefined
        if (theirs === undefined)
          return reject(new Error(`${remote} is another program, or another version of this one`))
        connection.send(CLIENT_PROOF, { ...hello, nonce: own, proof: proof('client') }).catch(reject)
      } else if (kind === SERVER_PROOF && sameProof(text, proof('server'))) {
        connection.onFrame = undefined
        connection.onClose = undefined
        connection.limitFrames()
        if (raw) connection.startRaw()
        resolve()
      } else if (kind === REFUSED)
        reject(new Final(`${remote} refused this process: it has another HOROVOD_SECRET_KEY, or is another job's`))
      else reject(new Final(`${remote} does not know the secret of this job (HOROVOD_SECRET_KEY)`))
    }
  })
}
