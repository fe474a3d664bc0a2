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

/** Connections that have proved nothing yet, at most. */
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
  /** How to send each away, and from where it comes. */
  private readonly pending = new Map<(problem: string) => void, string>()
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
    this.pending.set(refuse, socket.remoteAddress ?? '')
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
    if (this.pending.size > MOST_STRANGERS) this.oneOfMany()('too many others came that prove nothing')
  }

  /**
   * One of the address from which most have come, whichever: a crowd drives out its own. Where it comes from a peer's address
   * it hits the peer seldom, who tries again; by a rule (the oldest, the newest) it could hit the peer each time.
   */
  private oneOfMany(): (problem: string) => void {
    const byAddress = new Map<string, ((problem: string) => void)[]>()
    for (const [refuse, address] of this.pending) {
      const others = byAddress.get(address)
      if (others) others.push(refuse)
      else byAddress.set(address, [refuse])
    }
    const groups = [...byAddress.values()]
    const most = Math.max(...groups.map(({ length }) => length))
    const crowd = groups.filter(({ length }) => length === most).flat()
    return crowd[Math.floor(Math.random() * crowd.length)]!
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
