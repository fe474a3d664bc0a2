import { mkdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { listFolder } from '../layouts/find'
import { checkClassId } from '../official'
import type { Layout } from '../types'
import { type FetchProgress, fetchFile } from './fetch'
import { unzip } from './unzip'
import { BadArchive, parseChecksum, verifyFile } from './verify'

/** Where the sets are published. */
export const defaultBaseUrls: Record<Layout, string> = {
  competition: 'https://zenodo.org/records/8086136/files/',
  public: 'https://conferences.mpi-inf.mpg.de/dagm/2007/',
}

/** `present`: the class was there already. `unzip` counts unpacked bytes, whose total isn't known. */
export interface DownloadProgress extends FetchProgress {
  /** Such as Class1.zip. */
  file: string
  classId: number
  phase: 'download' | 'verify' | 'unzip' | 'present'
}

export interface DownloadOptions {
  /** Gets ClassN; made where it is missing. */
  dataDir: string
  classIds: readonly number[]
  /** Default `competition` (classes 1 to 10); `public` has 1 to 6. */
  layout?: Layout
  /** Of ClassN.zip; default Zenodo's record 8086136, or for the public layout the authors' page. */
  baseUrl?: string
  /** SHA-256 (or MD5) in hexadecimal by file name, such as `{ 'Class1.zip': '…' }`. */
  checksums?: Readonly<Record<string, string>>
  onProgress?: (progress: DownloadProgress) => void
  /** What has been downloaded stays, and the next call goes on from there. */
  signal?: AbortSignal
  /** How often in a row a broken connection is taken up again that brings nothing more; default 3. */
  retries?: number
  /** Milliseconds before the first retry, doubled each time; default 1000. */
  retryDelay?: number
}

/**
 * Downloads and unpacks classes of DAGM 2007; a class that is there already is left alone.
 *
 * A class appears under its name only when it is whole. Downloads are kept in `.download` until then, and a broken one
 * goes on where it stopped, in this call or the next.
 *
 * @throws naming the address or the archive: refused by the server, wrong checksum, unusable zip
 */
export async function downloadDagm(options: DownloadOptions): Promise<void> {
  const { dataDir, classIds, layout = 'competition' } = options
  for (const classId of classIds) checkClassId(classId, layout)
  for (const classId of classIds)
    for (const name of layout === 'public' ? [`Class${classId}`, `Class${classId}_def`] : [`Class${classId}`])
      await downloadArchive(name, classId, join(dataDir, '.download'), options)
}

async function downloadArchive(name: string, classId: number, work: string, options: DownloadOptions): Promise<void> {
  const { dataDir, layout = 'competition', baseUrl = defaultBaseUrls[layout], checksums, onProgress, signal } = options
  const { retries = 3, retryDelay = 1000 } = options
  const file = `${name}.zip`
  const report = (phase: DownloadProgress['phase'], progress?: FetchProgress) =>
    onProgress?.({ file, classId, phase, ...(progress ?? { bytes: 0, total: null, bytesPerSecond: 0 }) })
  if ((await listFolder(dataDir))?.has(name.toLowerCase())) return report('present')

  const checksum = checksums?.[file] === undefined ? null : parseChecksum(checksums[file], file)
  await mkdir(work, { recursive: true })
  const archive = join(work, `${file}.part`)
  const unpacked = join(work, name)
  const url = new URL(file, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`).href
  await fetchFile(url, archive, { retries, retryDelay, signal, onProgress: (progress) => report('download', progress) })
  try {
    if (checksum) {
      report('verify')
      await verifyFile(archive, file, checksum)
    }
    const began = performance.now()
    const rate = (bytes: number) => (bytes * 1000) / Math.max(performance.now() - began, 1)
    const progress = (bytes: number) => report('unzip', { bytes, total: null, bytesPerSecond: rate(bytes) })
    await rm(unpacked, { recursive: true, force: true })
    await mkdir(unpacked)
    await unzip(archive, file, unpacked, progress, signal)
    await rename(await contents(unpacked, name), join(dataDir, name))
    await rm(archive)
  } catch (error) {
    if (error instanceof BadArchive) await rm(archive, { force: true })
    throw error
  } finally {
    await rm(unpacked, { recursive: true, force: true })
  }
  await rmdir(work).catch(() => {}) // not empty: another class's broken download
}

/** An archive holds ClassN/…, ClassN/ClassN/… or the inside of ClassN. */
async function contents(folder: string, name: string): Promise<string> {
  const inner = (await listFolder(folder))?.get(name.toLowerCase())
  return inner === undefined ? folder : contents(join(folder, inner), name)
}
