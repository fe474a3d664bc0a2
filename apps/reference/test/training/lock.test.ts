import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lockRun } from '../../src/training/lock'
import { temporaryFolder } from '../command-line'
import { bundled } from '../hvdrun'

const room = temporaryFolder()
let program: Awaited<ReturnType<typeof bundled>>
beforeAll(async () => {
  program = await bundled('take-lock')
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
const dead = JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }) // above Linux's highest

/** What several processes are told that want a run at the same moment, and hold it. */
async function race(path: string, count: number): Promise<string[]> {
  const time = Date.now() + 1500
  const racers = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [program.path, path, String(time)], { stdio: ['pipe', 'pipe', 'inherit'] })
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
  const said = await race(path, 6)
  expect(said.filter((text) => text === 'has it')).toHaveLength(1)
  for (const text of said.filter((text) => text !== 'has it')) expect(text).toMatch(/is in use by process \d+ on /)
  expect(readdirSync(path)).toEqual([])
})

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
