import type { Socket } from 'node:net'
import {
  CLIENT_PROOF,
  GREETING,
  greetingOf,
  type Hello,
  LONGEST_HELLO,
  newNonce,
  proofOf,
  provenHello,
  REFUSED,
  SERVER_PROOF,
  sameProof,
} from './authentication'
import { Connection } from './connection'

/** Connections that have proved nothing yet. Where there are more the oldest goes: who knows the secret needs no time. */
const MOST_STRANGERS = 128
/** Milliseconds in which a handshake must be over. */
const HANDSHAKE_TIME = 5000
/** Milliseconds between two warnings. */
const WARNING_INTERVAL = 10_000

export interface StrangersOptions {
  secret: string
  onConnection(hello: Hello, connection: Connection): void
  /** One line of who was refused and why, not too often. */
  onRefused?(line: string): void
}

/** The listening side of the handshake: connections that have not proved yet that they know the secret. */
export class Strangers {
  /** How to send each away, the oldest first. */
  private readonly pending = new Set<(problem: string) => void>()
  private told = Number.NEGATIVE_INFINITY
  private untold = 0

  constructor(private readonly options: StrangersOptions) {}

  admit(socket: Socket): void {
    const connection = new Connection(socket)
    connection.limitFrames(LONGEST_HELLO)
    socket.on('data', (bytes: Buffer) => connection.push(bytes, false))
    const timer = setTimeout(() => refuse('it said too little in time'), HANDSHAKE_TIME)
    const settle = () => {
      clearTimeout(timer)
      this.pending.delete(refuse)
      connection.onFrame = undefined
      connection.onClose = undefined
    }
    const refuse = (problem: string) => {
      settle()
      connection.close()
      this.warn(`refused a connection from ${connection.remote}: ${problem}`)
    }
    this.pending.add(refuse)
    connection.onClose = (reason) => refuse(reason?.message ?? 'it left before it had proved anything')

    const nonce = newNonce()
    connection.onFrame = (kind, payload) => {
      const hello = kind === CLIENT_PROOF ? provenHello(payload) : undefined
      if (!hello) return refuse('it spoke another language')
      const proof = (side: 'client' | 'server') => proofOf(side, this.options.secret, [nonce, hello.nonce], hello)
      if (!sameProof(hello.proof, proof('client'))) {
        connection.send(REFUSED).catch(() => {})
        return refuse('it does not know the secret of this job')
      }
      settle()
      connection.limitFrames()
      connection.send(SERVER_PROOF, proof('server')).catch(() => {})
      const { role, rank, generation } = hello
      this.options.onConnection({ role, rank, generation }, connection)
    }
    connection.send(GREETING, greetingOf(nonce)).catch(() => {})
    const [oldest] = this.pending
    if (this.pending.size > MOST_STRANGERS) oldest!('too many others came that prove nothing')
  }

  private warn(line: string): void {
    this.untold++
    const now = performance.now()
    if (now - this.told < WARNING_INTERVAL) return
    this.options.onRefused?.(this.untold > 1 ? `${line}; ${this.untold - 1} others since the last time` : line)
    this.told = now
    this.untold = 0
  }
}
