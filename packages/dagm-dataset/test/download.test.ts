import { createHash } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type DownloadOptions,
  type DownloadProgress,
  downloadDagm,
  openDagm,
  synthesize,
  writeDagm,
} from '../src/index'
import { archiveServer, type Behaviour, filesOf, sha256, zipOf } from './archive-server'
import { messageOf, temporaryFolders } from './helpers'

const folder = temporaryFolders()
let content: Record<string, Uint8Array>
let zip: Buffer
beforeAll(async () => {
  const dir = await folder()
  const samples = synthesize({ size: 256, clean: 2, defective: 2, seed: 1 })
  await writeDagm(samples, dir, { layout: 'competition', classId: 1, split: 'train' })
  content = await filesOf(join(dir, 'Class1'), 'Class1/')
  zip = await zipOf(content)
  expect(zip.length).toBeGreaterThan(200_000)
})

let server: Awaited<ReturnType<typeof archiveServer>>
afterEach(() => server.close())

/** Serves some files and downloads class 1 (or as told) from there into an empty folder. */
async function setUp(behaviour: Partial<Behaviour> = {}, options: Partial<DownloadOptions> = {}) {
  server = await archiveServer({ files: { 'Class1.zip': zip }, ...behaviour })
  const dataDir = await folder()
  const heard: DownloadProgress[] = []
  const download = (more: Partial<DownloadOptions> = {}) =>
    downloadDagm({
      dataDir,
      classIds: [1],
      baseUrl: server.baseUrl,
      retryDelay: 1,
      onProgress: (progress) => heard.push(progress),
      ...options,
      ...more,
    })
  return { dataDir, heard, download, part: join(dataDir, '.download/Class1.zip.part') }
}
const expectClass1 = async (dataDir: string) => {
  expect(await openDagm(dataDir, { classId: 1, split: 'train', onWarning: () => {} })).toHaveLength(4)
  expect(await readdir(dataDir)).toEqual(['Class1']) // and nothing else is left behind
  const { length: files } = Object.keys(content)
  expect(Object.keys(await filesOf(join(dataDir, 'Class1')))).toHaveLength(files)
}
const sizeOf = async (path: string) => (await stat(path)).size

describe('a download', () => {
  test('is unpacked where openDagm finds it, and reports bytes, total and rate', async () => {
    const { dataDir, heard, download } = await setUp({}, { checksums: { 'Class1.zip': sha256(zip) } })
    await download()
    await expectClass1(dataDir)
    const phases = heard.map(({ phase }) => phase)
    expect([...new Set(phases)]).toEqual(['download', 'verify', 'unzip'])
    const last = heard[phases.lastIndexOf('download')]!
    expect(last).toMatchObject({ file: 'Class1.zip', classId: 1, bytes: zip.length, total: zip.length })
    expect(last.bytesPerSecond).toBeGreaterThan(0)
    const unpacked = Object.values(content).reduce((sum, { length }) => sum + length, 0)
    expect(heard.at(-1)).toMatchObject({ phase: 'unzip', bytes: unpacked, total: null })
  })
  test('of a class that is there is not made', async () => {
    const { heard, download } = await setUp()
    await download()
    await download()
    expect(server.requests).toHaveLength(1)
    expect(heard.at(-1)).toMatchObject({ phase: 'present', classId: 1 })
  })
  test('works without Content-Length', async () => {
    const { dataDir, heard, download } = await setUp({ chunked: true })
    await download()
    await expectClass1(dataDir)
    expect(heard[0]).toMatchObject({ bytes: 0, total: null })
  })
  test.each([
    ['doubled', 'Class1/'],
    ['without its class folder', null],
  ])('of an archive with its folder %s', async (_, prefix) => {
    const names = Object.entries(content)
    const files = Object.fromEntries(
      names.map(([name, bytes]) => [prefix === null ? name.slice('Class1/'.length) : prefix + name, bytes]),
    )
    const { dataDir, download } = await setUp({ files: { 'Class1.zip': await zipOf(files) } })
    await download()
    await expectClass1(dataDir)
  })
  test('of the public layout takes two archives a class', async () => {
    const source = await folder()
    await writeDagm(synthesize({ size: 16, clean: 2, defective: 2, seed: 1 }), source, {
      layout: 'public',
      classId: 2,
      split: 'test',
    })
    const files: Record<string, Buffer> = {}
    for (const name of ['Class2', 'Class2_def'])
      files[`${name}.zip`] = await zipOf(await filesOf(join(source, name), `${name}/`))
    const { dataDir, download } = await setUp({ files }, { layout: 'public', classIds: [2] })
    await download()
    expect(await openDagm(dataDir, { classId: 2, split: 'test', onWarning: () => {} })).toHaveLength(4)
  })
})

describe('a broken connection', () => {
  test('is taken up where it broke, of the same file', async () => {
    const { dataDir, download } = await setUp({ breakAfter: [100_000, 50_000] })
    await download()
    await expectClass1(dataDir)
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-'])
    expect(server.requests[1]!.ifRange).toMatch(/^"[0-9a-f]{32}"$/)
  })
  test('may break more often than there are retries, as long as something arrives', async () => {
    const { dataDir, download } = await setUp({ breakAfter: [40_000, 40_000, 40_000, 40_000] }, { retries: 1 })
    await download()
    await expectClass1(dataDir)
    expect(server.requests).toHaveLength(5)
  })
  test('makes the download start over where the server has no ranges', async () => {
    const { dataDir, download } = await setUp(
      { breakAfter: [100_000], ranges: false },
      { checksums: { 'Class1.zip': sha256(zip) } },
    )
    await download()
    await expectClass1(dataDir)
  })
  test('that stays broken is an error; the next call goes on', async () => {
    const { dataDir, download, part } = await setUp({ breakAfter: [100_000, 0, 0, 0] }, { retries: 2 })
    const message = await messageOf(download())
    expect(message).toMatch(/^http:.*\/Class1\.zip: the download broke off \(.+\); run it again to go on$/)
    expect(await sizeOf(part)).toBe(100_000)
    expect(server.requests).toHaveLength(3)
    server.behaviour.breakAfter = []
    await download()
    await expectClass1(dataDir)
    expect(server.requests.at(-1)!.range).toBe('bytes=100000-')
  })
  test('is not continued with another file', async () => {
    const { dataDir, download } = await setUp({ breakAfter: [100_000] }, { retries: 0 })
    server.behaviour.files = { 'Class1.zip': await zipOf({ 'Class1/Train/old.txt': Buffer.alloc(300_000, 'x') }) }
    server.behaviour.breakAfter = [150]
    await messageOf(download())
    server.behaviour.files = { 'Class1.zip': zip }
    await download({ checksums: { 'Class1.zip': sha256(zip) } })
    await expectClass1(dataDir)
  })
  test('after the last byte needs no second download', async () => {
    const { dataDir, download, part } = await setUp({}, { checksums: { 'Class1.zip': sha256(zip) } })
    const controller = new AbortController()
    const aborting = download({
      signal: controller.signal,
      onProgress: ({ phase }) => phase === 'verify' && controller.abort(),
    })
    await messageOf(aborting)
    expect(await sizeOf(part)).toBe(zip.length)
    await download()
    expect(server.requests.at(-1)!.range).toBe(`bytes=${zip.length}-`)
    await expectClass1(dataDir)
  })
})

describe('what goes wrong is named', () => {
  test('a wrong checksum; the download is removed, and the next one is whole', async () => {
    const { dataDir, download } = await setUp()
    const wrong = 'a'.repeat(64)
    expect(await messageOf(download({ checksums: { 'Class1.zip': wrong } }))).toBe(
      `Class1.zip: got sha256 ${sha256(zip)}, expected ${wrong}; the download was removed, try again`,
    )
    expect(await filesOf(dataDir)).toEqual({})
    await download({ checksums: { 'Class1.zip': `md5:${createHash('md5').update(zip).digest('hex')}` } })
    await expectClass1(dataDir)
  })
  test('a checksum that is none, before anything is downloaded', async () => {
    const { download } = await setUp()
    const message = await messageOf(download({ checksums: { 'Class1.zip': 'abc' } }))
    expect(message).toBe('Class1.zip: got the checksum "abc", expected 64 (SHA-256) or 32 (MD5) hexadecimal digits')
    expect(server.requests).toEqual([])
  })
  test('a missing file, at once; a busy server, after some tries', async () => {
    const { dataDir, download } = await setUp({ statuses: [503, 429] })
    expect(await messageOf(download({ classIds: [2], retries: 1 }))).toContain('the download broke off (')
    await download()
    await expectClass1(dataDir)
    const before = server.requests.length
    expect(await messageOf(download({ classIds: [3] }))).toBe(
      `${server.baseUrl}/Class3.zip: got 404 Not Found, expected 200 OK; check the address`,
    )
    expect(server.requests.length).toBe(before + 1)
  })
  test('a server that is not there', async () => {
    const { download } = await setUp()
    await server.close()
    expect(await messageOf(download({ retries: 1 }))).toContain('ECONNREFUSED')
  })
  test('class 11, and class 7 of the public layout', async () => {
    const { download } = await setUp()
    expect(await messageOf(download({ classIds: [1, 11] }))).toContain('class 11 is not in DAGM 2007')
    expect(await messageOf(download({ classIds: [7], layout: 'public' }))).toContain('from 1 to 6')
    expect(server.requests).toEqual([])
  })
})

describe('an archive that is no good leaves nothing behind', () => {
  const refused = async (bytes: Buffer) => {
    const { dataDir, download } = await setUp({ files: { 'Class1.zip': bytes } })
    const message = await messageOf(download())
    expect(await filesOf(dataDir)).toEqual({})
    return message
  }
  test('truncated', async () => {
    const message = await refused(zip.subarray(0, zip.length - 5000))
    expect(message).toMatch(/^Class1\.zip: not a usable zip \(.+\); the download was removed, try again$/)
  })
  test('no zip at all', async () => {
    expect(await refused(Buffer.from('<html>Sorry</html>'))).toMatch(/^Class1\.zip: not a usable zip/)
  })
  test('with damaged content', async () => {
    const stored = await zipOf({ 'Class1/Train/a.txt': Buffer.alloc(100_000, 'abcdefg') })
    const damaged = Buffer.from(stored)
    damaged[damaged.indexOf('a.txt') + 60]! ^= 0xff
    expect(await refused(damaged)).toMatch(/^Class1\.zip: not a usable zip \(.+\)/)
  })
  test('with a wrong CRC-32 over content that inflates', async () => {
    const good = await zipOf({ 'Class1/Train/a.txt': Buffer.from('content') })
    const central = good.indexOf('PK\x01\x02', 0, 'latin1')
    good[central + 16]! ^= 1
    expect(await refused(good)).toContain('Class1/Train/a.txt has another CRC-32 than it should')
  })
  test.each(['../../evil', '..\\..\\evil', '/evil'])('with a file called %s', async (name) => {
    const placeholder = 'x'.repeat(name.length)
    const bytes = await zipOf({ [placeholder]: Buffer.from('evil') })
    for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder)) bytes.write(name, at, 'latin1')
    expect(await refused(bytes)).toMatch(/^Class1\.zip: not a usable zip \((invalid|absolute).*evil\)/)
  })
})

describe('aborting', () => {
  test('keeps what has arrived, and the next call goes on', async () => {
    const { dataDir, download, part } = await setUp({ delay: 20 })
    const controller = new AbortController()
    const onProgress = ({ bytes }: DownloadProgress) => bytes > 100_000 && controller.abort()
    await expect(download({ signal: controller.signal, onProgress })).rejects.toThrow(/abort/i)
    const kept = await sizeOf(part)
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(zip.length)
    expect(await readdir(dataDir)).toEqual(['.download'])
    await download()
    expect(server.requests.at(-1)!.range).toBe(`bytes=${kept}-`)
    await expectClass1(dataDir)
  })
  test('while unpacking leaves no half class', async () => {
    const { dataDir, download } = await setUp()
    const controller = new AbortController()
    const onProgress = ({ phase }: DownloadProgress) => phase === 'unzip' && controller.abort()
    await expect(download({ signal: controller.signal, onProgress })).rejects.toThrow(/abort/i)
    expect(await readdir(join(dataDir, '.download'))).toEqual(['Class1.zip.part'])
    await download()
    await expectClass1(dataDir)
  })
})

test('another class’s broken download is left alone', async () => {
  const { dataDir, download } = await setUp({ breakAfter: [100_000] }, { retries: 0 })
  await messageOf(download())
  server.behaviour.files['Class2.zip'] = await zipOf({ 'Class2/Train/a.txt': Buffer.from('a') })
  await download({ classIds: [2] })
  expect(await sizeOf(join(dataDir, '.download/Class1.zip.part'))).toBe(100_000)
  await writeFile(join(dataDir, 'Class2/mine.txt'), 'kept') // and what is in place is not touched again
  await download({ classIds: [1, 2] })
  expect((await readdir(dataDir)).sort()).toEqual(['Class1', 'Class2'])
  expect(await sizeOf(join(dataDir, 'Class2/mine.txt'))).toBe(4)
})
