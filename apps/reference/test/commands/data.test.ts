import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDagm } from '@unet-industrial/dagm-dataset'
import { decode } from 'fast-png'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { archiveServer, filesOf, zipOf } from '../../../../packages/dagm-dataset/test/archive-server'
import { run, succeed, temporaryFolder } from '../command-line'

const room = temporaryFolder()
afterAll(() => rmSync(room, { recursive: true, force: true }))

const small = '--image-size 32 --clean 2 --defective 3 --class-id 4'
beforeAll(async () => void (await succeed(`data generate --data-dir made ${small}`, room)))

test.each(['competition', 'public'])('generates both splits in the %s layout', async (layout) => {
  await succeed(`data generate --data-dir ${layout} --layout ${layout} ${small}`, room)
  for (const split of ['train', 'test'] as const) {
    const samples = await openDagm(join(room, layout), { classId: 4, split, onWarning: () => {} })
    expect(samples.map(({ defective }) => defective).sort()).toEqual([false, false, true, true, true])
  }
})

test('generates one split where one is named, and overwrites nothing', async () => {
  const { stdout } = await succeed(`data generate --data-dir half --split test ${small}`, room)
  expect(stdout).toBe('half: class 4, test: wrote 3 defective and 2 clean images of 32x32\n')
  expect(existsSync(join(room, 'half/Class4/Train'))).toBe(false)
  const { code, stderr } = await run(`data generate --data-dir half --split test ${small}`, room)
  expect([code, stderr]).toEqual([1, expect.stringMatching(/there already[^\n]*\n$/)])
})

test('check counts against the official numbers, and --strict insists on them', async () => {
  const { stdout } = await succeed('data check --data-dir made --class-id 4', room)
  const row = (split: string) =>
    stdout
      .split('\n')
      .find((line) => line.includes(split))!
      .split('│')
      .map((cell) => cell.trim())
  expect(row(' train ')).toEqual(['', '4', 'train', 'competition', '5', '575', '3', '82', 'differs', ''])
  expect(row(' test ')).toEqual(['', '4', 'test', 'competition', '5', '575', '3', '68', 'differs', ''])
  const { code, stderr } = await run('data check --data-dir made --class-id 4 --strict', room)
  expect([code, stderr]).toEqual([1, 'unet-industrial: made: 2 of 2 splits are not the official ones, see above\n'])
})

test('preview draws the defective images with the outline of their masks, and clean ones', async () => {
  const { stdout } = await succeed('data preview --data-dir made --class-id 4 --output-dir sheets', room)
  expect(stdout).toMatch(/^sheets\/class4-train\.png: 5 images/)
  const { width, height, data } = decode(readFileSync(join(room, 'sheets/class4-train.png')))
  expect([width, height]).toEqual([4 * 196 + 4, 2 * 196 + 4])
  const cyan = (left: number, top: number) => {
    let count = 0
    for (let y = top; y < top + 192; y++)
      for (let x = left; x < left + 192; x++) {
        const at = 3 * (y * width + x)
        if (data[at] === 0 && data[at + 1] === 230 && data[at + 2] === 255) count++
      }
    return count
  }
  expect(cyan(4, 4)).toBeGreaterThan(100) // the first defective one
  expect(cyan(3 * 196 + 4, 4)).toBe(0) // the first clean one
})

test('download fetches a class from an address, says how far it is, and goes on where it was broken off', async () => {
  const archive = await zipOf(await filesOf(join(room, 'made/Class4'), 'Class4/'))
  const server = await archiveServer({ files: { 'Class4.zip': archive }, breakAfter: [500] })
  try {
    const command = `data download --data-dir got --class-id 4 --base-url ${server.baseUrl}`
    const { stdout, stderr } = await succeed(command, room)
    expect(stdout).toMatch(/^got: class 4 is there; /)
    expect(stderr).toMatch(/Class4\.zip download: .* MB of .* MB, .* MB\/s, .* left/)
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=500-'])
    expect(await filesOf(join(room, 'got/Class4'))).toEqual(await filesOf(join(room, 'made/Class4')))
    const again = await succeed(command, room)
    expect([again.stderr, server.requests.length]).toEqual(['Class4.zip present\n', 2])
    const other = await run(`data download --data-dir got --class-id 5 --base-url ${server.baseUrl}`, room)
    expect([other.code, other.stderr.trimEnd().split('\n').at(-1)]).toEqual([
      1,
      expect.stringMatching(/Class5\.zip.*404/),
    ])
  } finally {
    await server.close()
  }
})

test.each([
  ['data check', 2, /data check needs --data-dir <folder>/],
  ['data check --data-dir nowhere', 1, /nowhere: no such folder/],
  ['data check --data-dir made --class-id 11', 2, /--class-id: got "11", expected a whole number from 1 to 10/],
  ['data preview --data-dir made --class-id 5', 1, /Class5/],
  ['data polish --data-dir made', 2, /generate, download, check, preview/],
])('%s: one line and exit code %i', async (args, wanted, message) => {
  const { code, stderr } = await run(args, room)
  expect(code).toBe(wanted)
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message)
  expect(stderr).not.toMatch(/^ {4}at /m)
})
