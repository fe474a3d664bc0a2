import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import { openPromise } from 'yauzl'
import { BadArchive } from './verify'

/**
 * Unpacks a zip into a folder. Names that lead out of the folder are refused, links become plain files, and every file's
 * CRC-32 is checked.
 *
 * @param name what an error calls the archive
 * @throws BadArchive where it is truncated, damaged or hostile
 */
export async function unzip(
  archive: string,
  name: string,
  folder: string,
  onProgress: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  let bytes = 0
  try {
    const zip = await openPromise(archive)
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted()
      const path = resolve(folder, entry.fileName)
      if (!path.startsWith(resolve(folder) + sep)) throw new Error(`it has a file with the path ${entry.fileName}`)
      if (entry.fileName.endsWith('/')) {
        await mkdir(path, { recursive: true })
        continue
      }
      await mkdir(dirname(path), { recursive: true })
      let sum = 0
      const check = new Transform({
        transform(chunk: Uint8Array, _, done) {
          sum = crc32(chunk, sum)
          bytes += chunk.length
          onProgress(bytes)
          done(null, chunk)
        },
      })
      const source = await zip.openReadStreamPromise(entry)
      await pipeline(source, check, createWriteStream(path, { flags: 'wx' }), ...(signal ? [{ signal }] : []))
      if (sum !== entry.crc32) throw new Error(`${entry.fileName} has another CRC-32 than it should`)
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error && 'syscall' in error) throw error // the disk's fault
    const reason = error instanceof Error ? error.message : error
    throw new BadArchive(`${name}: not a usable zip (${reason}); the download was removed, try again`)
  }
}
