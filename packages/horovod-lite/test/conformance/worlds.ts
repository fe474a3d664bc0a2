import { loadNative } from '../../src/transports/native'
import { runMpi, whyNoMpirun } from '../support/mpirun'
import { type RanksOptions, runRanks } from '../support/ranks'
import { complaints } from '../support/scenarios'
import type { Place } from './case'

/** Everything that must do the same. */
export const worlds: Place[] = [
  { transport: 'local', size: 1 },
  ...['tcp', 'shm'].flatMap((transport) => [2, 3, 4].map((size) => ({ transport, size }))),
  ...[2, 4].map((size) => ({ transport: 'mpi', size })),
]

/** Why a world cannot be had here; undefined where it can. */
export function whyNot(transport: string): string | undefined {
  if (transport === 'mpi') return whyNoMpirun() ?? reasonOf(loadNative())
  return transport === 'shm' ? reasonOf(loadNative()) : undefined
}

const reasonOf = (addon: object): string | undefined => ('reason' in addon ? String(addon.reason) : undefined)

/** What ranks said, and how they ended. */
export interface Said {
  /** The JSON that they printed, line by line. */
  lines: unknown[]
  /** What went wrong outside of the cases; empty where all ended well. */
  trouble: string
  /** What all of them wrote to stderr. */
  warnings: string
}

type Options = Pick<RanksOptions, 'program' | 'args' | 'deadline'> & { environment?: Record<string, string> }

/** Runs a program in every rank of a world. */
export async function runWorld({ transport, size }: Place, options: Options): Promise<Said> {
  const environment = { ...options.environment, HOROVOD_TRANSPORT: transport === 'local' ? 'auto' : transport }
  if (transport === 'mpi') {
    const { code, stderr, stdouts } = await runMpi({ ...options, size, environment })
    const warnings = complaints(stderr)
    const trouble = code === 0 ? '' : `mpirun ended with ${code}: ${warnings}`
    return { lines: stdouts.flatMap(linesOf), trouble, warnings }
  }
  const ranks = await runRanks({ ...options, size, transport, environment })
  const failed = ranks.filter(({ code }) => code !== 0)
  const trouble = failed.map(
    ({ rank, code, signal, stderr }) => `rank ${rank} ended with ${code ?? signal}: ${complaints(stderr)}`,
  )
  const warnings = ranks.map(({ stderr }) => complaints(stderr)).join('\n')
  return { lines: ranks.flatMap(({ stdout }) => linesOf(stdout)), trouble: trouble.join('\n'), warnings }
}

const linesOf = (stdout: string): unknown[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
