import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a connection is for, and whose it is. The proofs cover it. */
export interface Hello {
  role: string
  /** Of the side that connects; −1 where it has none yet. */
  rank: number
}

/** A number used once, hex. */
export const nonce = (): string => randomBytes(16).toString('hex')

/** A secret for a job, hex. */
export const newSecret = (): string => randomBytes(32).toString('hex')

/** What shows that a side knows the secret: HMAC-SHA256 over both nonces and the hello, hex. */
export function proof(
  secret: string,
  side: 'client' | 'server',
  nonces: [server: string, client: string],
  hello: Hello,
) {
  const text = JSON.stringify([side, ...nonces, hello.role, hello.rank])
  return createHmac('sha256', Buffer.from(secret, 'utf8')).update(text).digest('hex')
}

export function sameProof(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')]
  return x.length === y.length && timingSafeEqual(x, y)
}
