import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** A download that is complete but not what it should be, so that it must not be kept. */
export class BadArchive extends Error {}

export interface Checksum {
  algorithm: 'sha256' | 'md5'
  digest: string
}

/**
 * Reads a checksum in hexadecimal: SHA-256 (64 digits) or MD5 (32 digits, which is what Zenodo shows), also after `md5:`.
 *
 * @param name what an error calls the file
 */
export function parseChecksum(text: string, name: string): Checksum {
  const digest = text.toLowerCase().replace(/^(sha256|md5):/, '')
  if (!/^([0-9a-f]{64}|[0-9a-f]{32})$/.test(digest))
    throw new Error(`${name}: got the checksum "${text}", expected 64 (SHA-256) or 32 (MD5) hexadecimal digits`)
  return { algorithm: digest.length === 64 ? 'sha256' : 'md5', digest }
}

/** @throws BadArchive with both checksums where the file has another one */
export async function verifyFile(path: string, name: string, { algorithm, digest }: Checksum): Promise<void> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path), hash)
  const got = hash.digest('hex')
  if (got !== digest)
    throw new BadArchive(`${name}: got ${algorithm} ${got}, expected ${digest}; the download was removed, try again`)
}
