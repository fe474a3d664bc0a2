import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nativeInfo, setIsa, setThreads } from '../src/index'
import { instructionSets } from './support/native'

const package_ = fileURLToPath(new URL('..', import.meta.url))
const room = mkdtempSync(join(tmpdir(), 'backend-native-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

const program = `
import * as tf from '@tensorflow/tfjs-core'
import { nativeInfo, setThreads } from './src/index'
const attempt = (f) => { try { return f() } catch (error) { return error.message } }
const warnings = []
console.warn = (text) => warnings.push(text)
const native = async () => ({ info: nativeInfo(), threads: attempt(() => setThreads(2)), set: await tf.setBackend('native'), warnings })
const automatic = async () => { await tf.ready(); return tf.getBackend() }
automatic().then(async (first) => console.log(JSON.stringify({ first, ...(await native()) })))
`

/** Runs the program above from a file, where the loader looks beside it for the addon. */
async function run(folder: string, env: Record<string, string> = {}) {
  const outfile = join(folder, 'program.cjs')
  await build({
    stdin: { contents: program, resolveDir: package_, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { 'import.meta.url': '__url' },
    banner: { js: `const __url = require('node:url').pathToFileURL(__filename).href` },
    logLevel: 'error',
  })
  const { stdout, stderr, status } = spawnSync(process.execPath, [outfile], {
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: '', ...env }, // pnpm sets a path that leads into this repository
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const here = `${process.platform}-${process.arch}`

describe('without a binary', () => {
  it('importing works, the CPU backend is chosen, and asking for native says what to do', async () => {
    const { first, info, set, threads, warnings } = await run(room)
    expect(first).toBe('cpu')
    expect(set).toBe(false)
    expect(info).toEqual({ available: false, reason: expect.stringContaining(`no native kernels for ${here}`) })
    expect(info.reason).toContain(`install it`)
    expect(info.reason).not.toContain('\n')
    expect(threads).toBe(info.reason)
    expect(warnings.join('\n')).toContain(info.reason)
  })
})

describe('with a binary that does not load', () => {
  beforeAll(() => {
    const module = join(room, 'node_modules/@unet-industrial', `backend-native-${here}`)
    spawnSync('mkdir', ['-p', module])
    writeFileSync(join(module, 'package.json'), '{ "main": "backend-native.node" }')
    writeFileSync(join(module, 'backend-native.node'), 'no shared object')
  })

  it('says so in one line', async () => {
    const { set, info } = await run(room)
    expect(set).toBe(false)
    expect(info.reason).toContain('does not load')
    expect(info.reason).not.toContain('\n')
  })
})

describe('with a binary', () => {
  const beside = join(package_, '.cache') // the loader looks in ../build

  it('is chosen before the CPU backend', async () => {
    const { first, set, info } = await run(beside)
    expect([first, set, info.available]).toEqual(['native', true, true])
  })

  it('takes threads and instruction set from the environment', async () => {
    const { info } = await run(beside, { UNET_NATIVE_THREADS: '1', UNET_NATIVE_ISA: 'portable' })
    expect(info).toMatchObject({ threads: 1, isa: 'portable' })
  })

  it('is not used where the environment asks for an instruction set that is not there', async () => {
    const { first, info } = await run(beside, { UNET_NATIVE_ISA: 'sse' })
    expect(first).toBe('cpu')
    expect(info.reason).toContain('UNET_NATIVE_ISA: got sse, expected one of')
  })

  it('tells instruction set, threads and features, and lets them be set', () => {
    const { isa, threads, isas, features } = nativeInfo()
    expect(isas).toContain('portable')
    expect(isa).toBe(isas![0])
    expect(features!.length).toBeGreaterThan(0)
    setThreads(3)
    setIsa('portable')
    expect(nativeInfo()).toMatchObject({ threads: 3, isa: 'portable' })
    setThreads(threads!)
    setIsa(isa!)
  })

  it('refuses what is not there', () => {
    expect(() => setThreads(0)).toThrow('setThreads: got 0, expected an integer from 1 to 256')
    expect(() => setThreads(1.5)).toThrow('got 1.5')
    expect(() => setIsa('sse')).toThrow(`setIsa: got sse, expected one of ${instructionSets.join(', ')}`)
  })
})
