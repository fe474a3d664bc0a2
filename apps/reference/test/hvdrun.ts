import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from '@unet-internal/testing'
import { build } from 'esbuild'
import type { Ended } from './command-line'
import { stateOf } from './stuck'

const launcher = join(repositoryRoot, 'packages/horovod-lite/bin/hvdrun.js')
export const app = join(repositoryRoot, 'apps/reference/bin/unet-industrial.mjs')

export interface Job {
  child: ChildProcess
  says(pattern: RegExp): Promise<void>
  ended: Promise<Ended>
}

/** Why no terminal can be made here; undefined where it can. */
export const noTerminal = spawnSync('script', ['--version']).status === 0 ? undefined : 'needs script of util-linux'

/** A job that takes longer, in ms, is ended, and what it was doing is said. None takes a quarter of it on an idle machine. */
const deadline = 45_000

/**
 * Starts hvdrun, the built one, with some arguments in a folder.
 *
 * @param columns of a terminal to start it on, whose keyboard is `child.stdin` and whose screen is stdout
 */
export function startRanks(args: string[], cwd: string, columns?: number): Job {
  const own = [process.execPath, launcher, ...args]
  const quoted = own.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  const [program, ...words] = columns
    ? ['script', '--quiet', '--flush', '--return', '/dev/null', '--command', `stty cols ${columns}; exec ${quoted}`]
    : own
  const child = spawn(program!, words, {
    cwd,
    stdio: [columns ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOROVOD_STALL_CHECK_TIME_SECONDS: '30' }, // who waits for whom is said before the deadline
  })
  let [stdout, stderr] = ['', '']
  const listeners = new Set<() => void>()
  child.stdout!.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
    for (const listener of listeners) listener()
  })
  child.stderr!.on('data', (chunk) => {
    stderr += chunk
  })
  const stuck = setTimeout(() => {
    console.error(`hvdrun ${args.join(' ')}: still there after ${deadline / 1000} s, ended\n${stateOf(child.pid!)}`)
    child.kill('SIGKILL') // agents and ranks end with it
  }, deadline)
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => {
      clearTimeout(stuck)
      resolve({ code, signal, stdout, stderr })
    }),
  )
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(stdout)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      ended.then(() => reject(new Error(`ended without saying ${pattern}: ${stdout}${stderr}`)))
    })
  return { child, says, ended }
}

/** `hvdrun -np size [launch] unet-industrial args`, to its end. */
export const runRanks = (size: number, args: string, cwd: string, launch: string[] = []): Promise<Ended> =>
  startRanks(['-np', String(size), ...launch, process.execPath, app, ...args.split(' ')], cwd).ended

/** What stderr tells of the failure that ended a job: who was first and how, what that rank said, what others said. */
export function failureIn(stderr: string): { first: number; how: string; said: string[]; others: string[] } {
  const [, first, how] = /^hvdrun: rank (\d+) on localhost (.*); the other ranks were ended$/m.exec(stderr)!
  const lines = [...stderr.matchAll(/^\[(\d+)\]<stderr>:(.*)$/gm)]
  const of = (own: boolean) => lines.flatMap(([, rank, line]) => ((rank === first) === own ? line! : []))
  return { first: Number(first), how: how!, said: of(true), others: of(false) }
}

/** Transports that can be tried here, and why others cannot. */
export function transports(): { name: string; problem?: string }[] {
  const told = execFileSync(process.execPath, [launcher, '--check-build'], { encoding: 'utf8' })
  return ['tcp', 'shm', 'mpi'].map((name) => {
    const [, works, text] = new RegExp(`\\[(.)\\] ${name} +(.*)`).exec(told)!
    return works === 'x' ? { name } : { name, problem: text }
  })
}

/** A program of test/programs, bundled where it finds the built packages. @returns its path, and how to remove it */
export async function bundled(name: string): Promise<{ path: string; remove(): void }> {
  const folder = mkdtempSync(fileURLToPath(new URL('../node_modules/.test-', import.meta.url)))
  const path = join(folder, 'program.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))],
    outfile: path,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    tsconfigRaw: {}, // its paths lead to the packages' sources
  })
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
