import { open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** How far a file's download is. */
export interface FetchProgress {
  bytes: number
  /** Null where the server doesn't say. */
  total: number | null
  /** Over this call's download of this file, without what was there before. */
  bytesPerSecond: number
}

export interface FetchOptions {
  /** How often in a row a broken connection is taken up again that brings nothing more. */
  retries: number
  /** Milliseconds before the first retry, twice as long before each further one. */
  retryDelay: number
  onProgress: (progress: FetchProgress) => void
  signal?: AbortSignal | undefined
}

/** A reply that another try won't better. */
class Refused extends Error {}

/**
 * Downloads `url` to `path`, which may hold the beginning from an earlier, broken download: then only the rest is asked
 * for (HTTP Range), and the server's ETag or date makes sure that it is of the same file. Where a server has no ranges
 * the download starts over. What arrived stays in `path` when the download fails or is aborted.
 */
export async function fetchFile(url: string, path: string, options: FetchOptions): Promise<void> {
  const { retries, retryDelay, signal } = options
  let furthest = await sizeOf(path)
  for (let failures = 0; ; )
    try {
      await fetchOnce(url, path, options)
      await rm(validatorPath(path), { force: true })
      return
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof Refused || isDiskError(error)) throw error
      const size = await sizeOf(path)
      failures = size > furthest ? 1 : failures + 1 // a bad line that still gets on is not given up
      furthest = Math.max(furthest, size)
      if (failures > retries) throw new Error(`${url}: the download broke off (${cause(error)}); run it again to go on`)
      await sleep(retryDelay * 2 ** (failures - 1), undefined, { signal })
    }
}

async function fetchOnce(url: string, path: string, { onProgress, signal }: FetchOptions): Promise<void> {
  const present = await sizeOf(path)
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (present > 0) {
    headers.range = `bytes=${present}-`
    const validator = await readFile(validatorPath(path), 'utf8').catch(() => '')
    if (validator) headers['if-range'] = validator
  }
  const response = await fetch(url, signal ? { headers, signal } : { headers })
  const [, from, whole] = /^bytes (?:(\d+)-\d+|\*)\/(\d+)/.exec(response.headers.get('content-range') ?? '') ?? []
  if (response.status === 416) {
    await response.body?.cancel()
    if (Number(whole) === present) return // all of it was there
    await rm(path, { force: true })
    throw new Error('what was there is no part of the file')
  }
  const resumed = response.status === 206 && Number(from) === present
  if (!response.body || !(resumed || response.status === 200)) {
    await response.body?.cancel()
    const message = `${url}: got ${response.status} ${response.statusText}, expected 200 OK`
    throw response.status >= 500 || response.status === 429
      ? new Error(message)
      : new Refused(`${message}; check the address`)
  }

  const start = resumed ? present : 0
  const length = response.headers.get('content-length')
  const total = length === null ? null : start + Number(length)
  let bytes = start
  const began = performance.now()
  const progress = () =>
    onProgress({ bytes, total, bytesPerSecond: ((bytes - start) * 1000) / Math.max(performance.now() - began, 1) })
  const file = await open(path, resumed ? 'a' : 'w')
  try {
    await keepValidator(path, response.headers)
    progress()
    // Chunk by chunk and not through a pipeline, which throws away what it still holds when the connection breaks.
    for await (const chunk of response.body) {
      await file.writeFile(chunk)
      bytes += chunk.length
      progress()
    }
    await file.sync()
  } finally {
    await file.close()
  }
  if (total !== null && bytes !== total) throw new Error(`got ${bytes} bytes, expected ${total}`)
}

/** Notes what tells this version of the file from another; a weak ETag doesn't. */
async function keepValidator(path: string, headers: Headers): Promise<void> {
  const etag = headers.get('etag')
  const validator = etag && !etag.startsWith('W/') ? etag : headers.get('last-modified')
  if (validator) await writeFile(validatorPath(path), validator)
  else await rm(validatorPath(path), { force: true })
}

const validatorPath = (path: string) => `${path}.etag`

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

const isDiskError = (error: unknown) =>
  error instanceof Error && 'syscall' in error && ['open', 'write', 'fsync', 'unlink'].includes(String(error.syscall))

/** fetch hides the reason ("fetch failed") in the error's cause. */
const cause = (error: unknown): string => {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return inner instanceof Error ? inner.message || String((inner as NodeJS.ErrnoException).code) : String(inner)
}
