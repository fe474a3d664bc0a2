import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { appFolder } from '../src/app-folder'
import { type Probe, probeApart } from '../src/backends/probe'
import { ownCores } from '../src/training/cores'

const room = mkdtempSync(join(tmpdir(), 'unet-doctor-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

function doctor(args: string[]) {
  const bin = join(appFolder, 'bin/unet-industrial.mjs')
  return spawnSync(process.execPath, [bin, 'doctor', ...args], {
    cwd: room,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
}

const find = (out: string, name: string): Probe =>
  (JSON.parse(out).backends as Probe[]).find((probe) => probe.name === name)!

test('says of every backend whether it works, why not and what to do, in one line of JSON', () => {
  const { stdout, stderr, status } = doctor(['--json'])
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout.trim().split('\n')).toHaveLength(1)
  expect(find(stdout, 'cpu')).toMatchObject({ works: true, trains: true })
  expect(find(stdout, 'wasm')).toMatchObject({ works: true, trains: false })
  expect(find(stdout, 'node-gpu')).toMatchObject({
    works: false,
    description: '@tensorflow/tfjs-node-gpu is not installed',
    remedy: expect.stringContaining('npm install @tensorflow/tfjs-node-gpu@4.22.0'),
  })
  const { auto, node, transports } = JSON.parse(stdout)
  expect(transports.map(({ name }: { name: string }) => name)).toEqual(['tcp', 'shm', 'mpi'])
  for (const { name, description, problem } of transports) expect(problem ?? description, name).toMatch(/\w/)
  expect(transports[0].problem).toBeUndefined()
  expect(node).toBe(process.versions.node)
  expect(auto.training).toBe(find(stdout, 'native').works ? 'native' : 'cpu')
  expect(auto.inference).toBe(find(stdout, 'native').works ? 'native' : 'wasm')
})

test('tells it to people in lines', () => {
  const { stdout } = doctor(['--backend', 'cpu'])
  expect(stdout).toMatch(/^Node [\d.]+ on .* cores .* GiB of memory\n\nworks {2}cpu/)
})

const taskset = spawnSync('taskset', ['--version']).status === 0
const bindable = taskset && availableParallelism() > 1
test.skipIf(!bindable)(
  `says how many cores a bound process may use${bindable ? '' : ' (needs taskset, two cores)'}`,
  () => {
    const words = ['-c', String(ownCores().numbers[0]), process.execPath, join(appFolder, 'bin/unet-industrial.mjs')]
    const bound = (...more: string[]) =>
      spawnSync('taskset', [...words, 'doctor', '--backend', 'cpu', ...more], { cwd: room, encoding: 'utf8' }).stdout
    expect(JSON.parse(bound('--json'))).toMatchObject({ cores: cpus().length, usableCores: 1 })
    expect(bound()).toMatch(/^Node .* cores \(.*\), of which 1 may be used, /)
  },
)

test.each([
  [
    'whose binding does not load',
    "throw new Error('libtensorflow.so.2: cannot open\\nat a\\nat b')",
    'libtensorflow.so.2: cannot open',
  ],
  ['that takes the process down', 'process.abort()', 'ended by SIGABRT'],
  ['that ends the process', 'process.exit(3)', 'exit code 3'],
])('survives a package %s', async (_, code, reason) => {
  const folder = join(room, reason.replaceAll(/\W/g, ''))
  const module = join(folder, 'node_modules/@tensorflow/tfjs-node')
  mkdirSync(module, { recursive: true })
  writeFileSync(join(module, 'index.js'), code)
  const home = process.cwd()
  process.chdir(folder)
  const { works, description } = await probeApart('node').finally(() => process.chdir(home))
  expect(works).toBe(false)
  expect(description).toContain(reason)
  expect(description).not.toContain('\n')
})
