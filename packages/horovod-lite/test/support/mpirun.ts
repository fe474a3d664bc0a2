import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from './bundle'
import type { RanksOptions } from './ranks'

/** Why nothing can be run under mpirun here; undefined where it can. */
export const whyNoMpirun = (): string | undefined =>
  spawnSync('mpirun', ['--version']).status === 0 ? undefined : 'mpirun is not installed'

type Options = Pick<RanksOptions, 'size' | 'program' | 'args' | 'deadline'> & { environment?: Record<string, string> }

export interface MpiResult {
  /** Of mpirun. */
  code: number | null
  /** Of mpirun and all ranks. */
  stderr: string
  /** What each rank wrote to stdout. */
  stdouts: string[]
}

/** Runs a program in several processes under `mpirun`, as many as asked for on however few cores. */
export async function runMpi(options: Options): Promise<MpiResult> {
  const { size, program, args = [], environment = {}, deadline = 40 } = options
  const script = join(await bundle(program), 'program.js')
  const room = mkdtempSync(join(tmpdir(), 'mpi-'))
  // A file for each rank: mpirun mixes what ranks write at the same time.
  const shell = `exec "$0" "$@" > "${room}/$OMPI_COMM_WORLD_RANK"`
  const flags = ['-np', String(size), '--oversubscribe', '--mca', 'btl_vader_single_copy_mechanism', 'none']
  const root = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, ...root, ...environment }
  const child = spawn('mpirun', [...flags, 'sh', '-c', shell, process.execPath, script, ...args], {
    env,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const timer = setTimeout(() => child.kill('SIGTERM'), deadline * 1000) // which mpirun passes on
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  const stdouts = Array.from({ length: size }, (_, rank) => read(join(room, String(rank))))
  return { code, stderr, stdouts }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it never started
  }
}
