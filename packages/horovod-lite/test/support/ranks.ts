import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { bundle } from './bundle'

type Variables = Record<string, string | undefined>

export interface RanksOptions {
  size: number
  /** A file of test/programs, without its extension; or any file's absolute path. */
  program: string
  transport?: string
  /** More variables, of all ranks or of each; undefined takes one away. */
  environment?: Variables | ((rank: number) => Variables)
  args?: string[]
  /** Seconds until what is left is killed. */
  deadline?: number
  /** Called when all have started. */
  onStarted?(ranks: ChildProcess[]): void
}

export interface RankResult {
  rank: number
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** The JSON that the program printed, line by line. */
  lines: unknown[]
}

/** Runs a program in several processes that find each other at rank 0, and waits for all of them. */
export async function runRanks(options: RanksOptions): Promise<RankResult[]> {
  const { size, program, transport = 'tcp', environment = {}, args = [], deadline = 40, onStarted } = options
  const folder = await bundle(program)
  const shared = {
    PATH: process.env.PATH,
    TMPDIR: process.env.TMPDIR,
    HOROVOD_SIZE: String(size),
    HOROVOD_LOCAL_SIZE: String(size),
    HOROVOD_SECRET_KEY: 'secret of a test',
    HOROVOD_TRANSPORT: transport,
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(await freePort()),
  }
  const ranks = Array.from({ length: size }, (_, rank) => {
    const more = typeof environment === 'function' ? environment(rank) : environment
    const env = { ...shared, HOROVOD_RANK: String(rank), HOROVOD_LOCAL_RANK: String(rank), ...more }
    return spawn(process.execPath, [join(folder, 'program.js'), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  })
  const timer = setTimeout(() => {
    for (const rank of ranks) rank.kill('SIGKILL')
  }, deadline * 1000)
  onStarted?.(ranks)
  try {
    return await Promise.all(ranks.map(resultOf))
  } finally {
    clearTimeout(timer)
  }
}

function resultOf(child: ChildProcess, rank: number): Promise<RankResult> {
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]!.setEncoding('utf8').on('data', (text) => {
      output[stream] += text
    })
  return new Promise((resolve) =>
    child.on('close', (code, signal) =>
      resolve({ rank, code, signal, ...output, lines: output.stdout.split('\n').flatMap(parsed) }),
    ),
  )
}

function parsed(line: string): unknown[] {
  try {
    return [JSON.parse(line)]
  } catch {
    return []
  }
}

/** A port where nobody listens, and which the system gives nobody by chance: its own begin at 32768. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(12_000 * Math.random())
    if (await isFree(port)) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
