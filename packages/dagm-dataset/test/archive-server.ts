import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'

/** How a server behaves; the defaults are a good one's. */
export interface Behaviour {
  files: Record<string, Buffer>
  /** Honours Range requests. */
  ranges?: boolean
  /** Breaks off each of the first replies after so many bytes of the body. */
  breakAfter?: number[]
  /** Status codes of the first replies, before it behaves. */
  statuses?: number[]
  /** Sends no Content-Length. */
  chunked?: boolean
  /** Waits so many milliseconds between pieces of 64 kB. */
  delay?: number
}

/** A server of files on this machine. It notes what it was asked for; change `behaviour` at will. */
export async function archiveServer(behaviour: Behaviour) {
  const requests: { path: string; range: string | undefined; ifRange: string | undefined }[] = []
  const server = createServer(async ({ url, headers }, response) => {
    const { files, ranges = true, breakAfter = [], statuses = [], chunked = false, delay = 0 } = behaviour
    requests.push({ path: url!, range: headers.range, ifRange: headers['if-range'] as string | undefined })
    const status = statuses.shift()
    const file = files[url!.slice(1)]
    if (status !== undefined || !file) return void response.writeHead(status ?? 404).end()
    const etag = `"${createHash('md5').update(file).digest('hex')}"`
    response.setHeader('etag', etag)
    const asked = ranges && (headers['if-range'] ?? etag) === etag ? /^bytes=(\d+)-$/.exec(headers.range ?? '') : null
    const start = Number(asked?.[1] ?? 0)
    if (start >= file.length) return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
    if (asked) response.setHeader('content-range', `bytes ${start}-${file.length - 1}/${file.length}`)
    if (!chunked) response.setHeader('content-length', file.length - start)
    response.writeHead(asked ? 206 : 200)
    const stop = breakAfter.shift() ?? Number.POSITIVE_INFINITY
    const body = file.subarray(start, start + stop)
    for (let at = 0; at < body.length && !response.destroyed; at += 65536) {
      await new Promise<void>((done) => response.write(body.subarray(at, at + 65536), () => done()))
      if (delay) await new Promise((done) => setTimeout(done, delay))
    }
    if (stop >= file.length - start) return void response.end()
    await new Promise((done) => setTimeout(done, 50)) // so that what was sent arrives
    response.destroy()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { baseUrl, behaviour, requests, close: () => new Promise((done) => server.close(done).closeAllConnections()) }
}

/** A zip of files by name. */
export function zipOf(files: Record<string, Uint8Array>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name)
  zip.end()
  return buffer(zip.outputStream)
}

/** The files of a folder, by their paths in it, after `prefix`. */
export async function filesOf(folder: string, prefix = ''): Promise<Record<string, Uint8Array>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const contents = await Promise.all(
    paths.map(async (path) => [prefix + path.slice(folder.length + 1), await readFile(path)]),
  )
  return Object.fromEntries(contents)
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
