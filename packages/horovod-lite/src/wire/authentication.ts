import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { parse } from './connection'

/*
 * The handshake. The side that listens sends GREETING (its nonce), the side that connects CLIENT_PROOF (who it is, its own
 * nonce, its proof), and the side that listens SERVER_PROOF, or REFUSED where the proof is wrong. Each proof covers both
 * nonces, so that none can be used again, and who the connecting side says it is.
 */
export const GREETING = 1
export const CLIENT_PROOF = 2
export const SERVER_PROOF = 3
export const REFUSED = 4

/** First word of the greeting. */
const PROTOCOL = 'horovod-lite/1'

/** No frame of the handshake is longer. */
export const LONGEST_HELLO = 1024

/** What a connection is for, and whose it is. */
export interface Hello {
  role: string
  /** Of the side that connects; −1 where it has none yet. */
  rank: number
  /** How many worlds there were before the one that the rank is of; −1 where it is of none yet. */
  generation: number
}

export type ProvenHello = Hello & { nonce: string; proof: string }

/** A number used once, hex. */
export const newNonce = (): string => randomBytes(16).toString('hex')

/** A secret for a job, hex. */
export const newSecret = (): string => randomBytes(32).toString('hex')

/** What shows that a side knows the secret: HMAC-SHA256, hex. */
export function proofOf(
  side: 'client' | 'server',
  secret: string,
  [server, client]: [server: string, client: string],
  { role, rank, generation }: Hello,
): string {
  const text = JSON.stringify([PROTOCOL, side, server, client, role, rank, generation])
  return createHmac('sha256', secret).update(text).digest('hex')
}

/** Takes as long for any two of the same length. */
export function sameProof(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

export const greetingOf = (nonce: string): string => `${PROTOCOL} ${nonce}`

/** The nonce of a greeting; undefined where it is another program's. */
export const nonceOf = (greeting: string): string | undefined =>
  greeting.startsWith(`${PROTOCOL} `) ? greeting.slice(PROTOCOL.length + 1) : undefined

/** What a CLIENT_PROOF says; undefined where it is malformed. */
export function provenHello(payload: Buffer): ProvenHello | undefined {
  const { role, rank, generation, nonce, proof } = parse<Record<string, unknown> | null>(payload) ?? {}
  if (typeof role !== 'string' || typeof nonce !== 'string' || typeof proof !== 'string') return undefined
  if (!Number.isInteger(rank) || !Number.isInteger(generation)) return undefined
  return { role, rank: rank as number, generation: generation as number, nonce, proof }
}
