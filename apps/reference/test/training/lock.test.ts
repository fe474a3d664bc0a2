import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseArguments } from '../../src/options/parse'
import { checkpointPath, writeCheckpoint } from '../../src/training/checkpoint-files'
import { lockRun } from '../../src/training/lock'
import { resolve } from '../../src/training/resume'
import { createRun, type RunFolder } from '../../src/training/run-folder'
import { temporaryFolder } from '../command-line'
import { bundled } from '../hvdrun'

const room = temporaryFolder()
let program: Awaited<ReturnType<typeof bundled>>
beforeAll(async () => {
  program = await bundled('at-once')
})
afterAll(() => {
  program.remove()
  rmSync(room, { recursive: true })
})

/** A run whose lock says something. */
function runWith(name: string, lock?: string) {
  const path = join(room, name)
  mkdirSync(path)
  if (lock !== undefined) writeFileSync(join(path, '.lock'), lock)
  return { name, path, checkpoints: '', samples: '' }
}
const dataset = { epoch: 0, position: 1, seed: 1, size: 4, samples: 'ab' }
const dead = JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }) // above Linux's highest

/** What six processes say that do the same at the same moment. */
async function race(what: 'lock' | 'make' | 'fresh', path: string): Promise<string[]> {
  const time = Date.now() + 1500
  const racers = Array.from({ length: 6 }, () => {
    const child = spawn(process.execPath, [program.path, what, path, String(time)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const said = new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim())))
    return { said, end: () => new Promise((resolve) => child.on('close', resolve).stdin.end()) }
  })
  const all = await Promise.all(racers.map(({ said }) => said))
  await Promise.all(racers.map(({ end }) => end()))
  return all
}

test.each([
  ['free', undefined],
  ['of a dead process', dead],
  ['torn', '{"pid":'],
])('of six processes that want a run at once one has it; lock %s', async (name, lock) => {
  const { path } = runWith(name.replaceAll(' ', '-'), lock)
  const said = await race('lock', path)
  expect(said.filter((text) => text === 'has it')).toHaveLength(1)
  for (const text of said.filter((text) => text !== 'has it')) expect(text).toMatch(/is in use by process \d+ on /)
  expect(readdirSync(path)).toEqual([])
})

test('of six processes that make a run at once one has it, in a folder that none of them found', async () => {
  const results = join(room, 'made', 'here')
  const said = await race('make', join(results, 'x'))
  expect(said.filter((text) => text === 'has it')).toHaveLength(1)
  for (const text of said.filter((text) => text !== 'has it'))
    expect(text).toBe(`run ${join(results, 'x')} exists; continue it with --resume x, or choose another --run-name`)
  expect(readdirSync(results).sort()).toEqual(['latest', 'x'])
})

test('six processes that make a run without a name at once get six', async () => {
  const results = join(room, 'fresh')
  const said = await race('fresh', join(results, 'class1'))
  const first = 'class1-1970-01-01-000000'
  expect(said.sort()).toEqual([first, ...[2, 3, 4, 5, 6].map((n) => `${first}-${n}`)])
  expect(readdirSync(results).sort()).toEqual([...said, 'latest'])
  expect(said).toContain(readlinkSync(join(results, 'latest')))
})

test.each(['latest', 'its name'])(
  'a run that goes on (%s) does so from what its last process has saved at the end',
  async (by) => {
    const results = join(room, by.replaceAll(' ', '-'))
    const run = createRun(results, 'x')
    const save = (step: number) =>
      writeCheckpoint(run.checkpoints, { step, images: step, ranks: 1, dataset }, async (draft) => {
        for (const name of ['model', 'optimizer']) writeFileSync(join(draft, `${name}.safetensors`), `${step}`)
      })
    await save(1)
    await save(2)
    writeFileSync(join(run.path, 'config.json'), '{}')
    const second = join(results, 'aside')
    renameSync(checkpointPath(run.checkpoints, 2), second)
    const resume = by === 'latest' ? ['--resume'] : ['--resume', 'x']
    const request = parseArguments(['train', '--results-dir', results, ...resume], '0')!
    const hold = ({ path }: RunFolder) => {
      expect(path).toBe(run.path)
      renameSync(second, checkpointPath(run.checkpoints, 2)) // before it lets go
    }
    expect(resolve(request, hold).resumed?.state.step).toBe(2)
  },
)

test('a process of another host is taken to run; the error says what to do', () => {
  const run = runWith('elsewhere', JSON.stringify({ pid: 1, host: 'elsewhere' }))
  expect(() => lockRun(run)).toThrow(
    `run ${run.path} is in use by process 1 on elsewhere; wait for it, or, where it is gone, remove ${run.path}/.lock`,
  )
})

test('released it is gone, and can be held again', () => {
  const run = runWith('again')
  for (let i = 0; i < 2; i++) {
    const lock = lockRun(run)
    expect(readdirSync(run.path)).toEqual(['.lock'])
    lock.release()
    expect(readdirSync(run.path)).toEqual([])
  }
})
