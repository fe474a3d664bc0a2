import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { jobVariables } from './environment'
import type { Settings } from './settings'

/** Runs the job through Open MPI's own launcher. @returns its exit code */
export function runThroughMpirun(settings: Settings): Promise<number> {
  const { command, size, hosts, networkInterface, outputFilename, timestamps, variables } = settings
  const args = ['-np', String(size), '--tag-output', '--oversubscribe']
  if (hosts.some(({ name }) => name !== 'localhost'))
    args.push('-H', hosts.map(({ name, slots }) => `${name}:${slots}`).join(','))
  if (networkInterface)
    args.push('--mca', 'btl_tcp_if_include', networkInterface, '--mca', 'oob_tcp_if_include', networkInterface)
  if (outputFilename) args.push('--output-filename', outputFilename)
  if (timestamps) args.push('--timestamp-output')
  if (process.getuid?.() === 0) args.push('--allow-run-as-root')
  for (const name of [...Object.keys(variables), 'PATH']) args.push('-x', name)
  if (settings.verbose) process.stderr.write(`hvdrun: mpirun ${[...args, ...command].join(' ')}\n`)
  const child = spawn('mpirun', [...args, ...command], {
    env: jobVariables(settings),
    stdio: 'inherit',
    detached: true,
  })
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass)
  return new Promise((resolve, reject) => {
    child.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `--transport mpi: cannot run mpirun (${code}); install Open MPI (on Debian: apt-get install openmpi-bin), or use --transport tcp`,
        ),
      ),
    )
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
  })
}
