import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { afterAll } from 'vitest'
import { quote } from '../../src/launcher/ssh'
import { bundle } from './bundle'

export interface Launched {
  child: ChildProcess
  /** All processes of the job have this in their environment. */
  marker: string
  /** What was printed so far. */
  output(): { stdout: string; stderr: string }
  /** Resolves when the output so far holds what the pattern wants; rejects when hvdrun ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  ended: Promise<{
    code: number | null
    signal: NodeJS.Signals | null
    stdout: string
    stderr: string
    seconds: number
  }>
}

export interface LaunchOptions {
  /** A file of test/programs; its path takes the place of PROGRAM in the arguments. */
  program?: string
  cwd?: string
  environment?: Record<string, string>
  /** Seconds. */
  deadline?: number
  /** Runs hvdrun itself in front of this, such as `ip netns exec name`. */
  through?: string[]
  /** On a terminal, whose keyboard is `child.stdin` and whose screen is stdout. */
  terminal?: boolean
}

let count = 0
const markerOf = (job: number) => `hvdrun-test-${process.pid}-${job}`

// None, unless a test has failed.
afterAll(() => {
  for (let job = 0; job < count; job++) for (const pid of processesOf(markerOf(job))) kill(pid)
})

/** Makes a terminal (util-linux). */
const SCRIPT = ['script', '--quiet', '--flush', '--return', '/dev/null', '--command']

/** Starts hvdrun from the sources. */
export async function hvdrun(args: string[], options: LaunchOptions = {}): Promise<Launched> {
  const {
    program = 'launched',
    cwd = temporaryFolder(),
    environment = {},
    deadline = 60,
    through = [],
    terminal,
  } = options
  const folder = await bundle(program)
  const marker = markerOf(count++)
  const words = args.map((word) =>
    word === 'PROGRAM' ? join(folder, 'program.js') : word === 'NODE' ? process.execPath : word,
  )
  const own = [process.execPath, join(folder, 'hvdrun.js'), ...words]
  const command = terminal ? [...SCRIPT, own.map(quote).join(' ')] : [...through, ...own]
  const start = performance.now()
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      HVDRUN_TEST: marker,
      ...environment,
    },
    stdio: [terminal ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable | null, Readable, Readable>
  const output = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text
      for (const listener of listeners) listener()
    })
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    for (const pid of processesOf(marker)) kill(pid)
  }, deadline * 1000)
  const ended: Launched['ended'] = new Promise((resolve) =>
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, ...output, seconds: (performance.now() - start) / 1000 })
    }),
  )
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output.stdout) ?? pattern.exec(output.stderr)
        if (!match) return
        listeners.delete(look)
        resolve(match)
      }
      listeners.add(look)
      look()
      ended.then(() => reject(new Error(`hvdrun ended without saying ${pattern}: ${output.stdout}${output.stderr}`)))
    })
  return { child, marker, output: () => ({ ...output }), says, ended }
}

/** Processes that have a job's marker in their environment. */
export function processesOf(marker: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const zombie = / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ' '))
        return !zombie && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HVDRUN_TEST=${marker}\0`)
      } catch {
        return false // it has ended
      }
    })
}

/** Waits until no process of a job is left. @returns those that are left when the time is over */
export async function leftOf(marker: string, seconds: number): Promise<number[]> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const left = processesOf(marker)
    if (left.length === 0 || performance.now() > deadline) return left
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended
  }
}

/** One Ctrl-C where npm's shell execs: the terminal's signal, and npm's at once behind it. */
export async function interruptTwice({ child }: Launched): Promise<void> {
  child.kill('SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 10)) // apart: two that wait would be one
  child.kill('SIGINT')
}

/** Lines of one rank, without its number. */
export const linesOf = (text: string, rank: number, stream = 'stdout'): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`[${rank}]<${stream}>:`))
    .map((line) => line.slice(`[${rank}]<${stream}>:`.length))

/** The JSON that a rank's last line holds. */
export const jsonOf = (text: string, rank: number) => JSON.parse(linesOf(text, rank).at(-1)!)

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'hvdrun-'))

/** A file that can be run. */
export function script(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

/** An "ssh" that runs everything here, whatever the host is called. */
export const pretendedSsh = (folder: string): string => script(folder, 'ssh-here', 'shift; exec sh -c "$1"')

/** Why no network namespaces can be made here; undefined where they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' })
    execFileSync('tc', ['-V'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs ip and tc (iproute2)'
  }
}
