import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@unet-internal/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readLines } from './command-line'
import { tiny } from './training/tiny'

// The README's command line for several processes, in a folder where npm has installed the packed packages.

const room = mkdtempSync(join(tmpdir(), 'unet-installed-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

/** Packs a folder as it is built. @returns the tarball's path */
function pack(folder: string): string {
  const { packageManager } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
  const args = ['--yes', packageManager, '--config.ignore-scripts=true', 'pack', '--json', '--pack-destination', room]
  const out = execFileSync('npx', args, { cwd: join(repositoryRoot, folder), encoding: 'utf8' })
  return JSON.parse(out.slice(out.indexOf('{'))).filename
}

beforeAll(() => {
  const platform = `packages/backend-native/platforms/${process.platform}-${process.arch}`
  const packages = readdirSync(join(repositoryRoot, 'packages')).map((name) => `packages/${name}`)
  const tarballs = ['apps/reference', platform, ...packages].map(pack)
  writeFileSync(join(room, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs], {
    cwd: room,
    stdio: 'pipe',
  })
}, 180_000)

test('npx hvdrun -np 2 npx unet-industrial train', async () => {
  const words = `hvdrun -np 2 npx unet-industrial train ${tiny} --num-iter 3 --run-name two`.split(' ')
  const child = spawn('npx', ['--no-install', ...words], { cwd: room, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect({ code, stderr: code ? stderr : '' }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^\[0\]<stdout>:run runs\/two · 3 images, 3 steps of 4 on 2 processes \((shm|tcp)\) · backend native/m,
  )
  const lines = readLines(room, 'runs/two/metrics.jsonl')
  expect(lines.map(({ type, step }) => [type, step])).toEqual([
    ['start', 0],
    ['train', 3],
  ])
  expect(lines[0]).toMatchObject({ ranks: 2 })
})
