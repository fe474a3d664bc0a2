import { Agent, type Exit, type RemoteProcess } from './agents'
import { jobVariables } from './environment'
import { codeAfter, codeOf, howItFailed, lastLinesOf } from './failure'
import { HOST_VARIABLES, listed, placesOn } from './hosts'
import { agentOptions } from './job'
import { MpirunOutput } from './mpirun-output'
import { say } from './screen'
import type { Settings } from './settings'
import { withSignals } from './signals'

/** Variables of a job that hvdrun itself is part of. */
const NOT_EXPORTED = /^(OMPI|PMIX|PRTE|ORTE)_/

/** Runs the job through Open MPI's own launcher. @returns the exit code of hvdrun */
export async function runThroughMpirun(settings: Settings): Promise<number> {
  const { size, outputFilename: folder, timestamps, verbose } = settings
  const places = placesOn(settings.hosts, size)
  const environment = jobVariables(settings)
  const command = [...mpirunCommand(settings, Object.keys(environment)), ...settings.command]
  if (verbose) say(command.join(' '))
  const output = new MpirunOutput(size, { folder, timestamps })
  let mpirun: RemoteProcess | undefined
  let signalled: NodeJS.Signals | undefined
  const pass = (signal: NodeJS.Signals) => {
    signalled ??= signal
    mpirun?.signal(signal) // with the first mpirun ends all ranks, with the second at once
  }
  const exit = await withSignals(pass, async () => {
    const agent = await Agent.open('localhost', agentOptions(settings)) // it ends mpirun where hvdrun is gone
    const ended = new Promise<Exit>((resolve) => {
      const onOutput: MpirunOutput['write'] = (stream, bytes) => output.write(stream, bytes)
      if (signalled) resolve({ code: null, signal: signalled })
      else mpirun = agent.start(command, environment, process.cwd(), { onOutput, onExit: resolve })
    })
    return ended.finally(() => agent.close())
  })
  output.close()

  if (exit.code === 0) return 0
  if (signalled) return codeAfter(signalled)
  if (exit.problem)
    throw new Error(
      `--transport mpi: mpirun ${exit.problem}; install Open MPI (on Debian: apt-get install openmpi-bin), or use --transport tcp`,
    )
  const { failure } = output
  if (!failure) say(`mpirun ended with code ${codeOf(exit)}; what it says is above`)
  else {
    const place = { rank: failure.rank, host: failure.host ?? places[failure.rank]?.host ?? 'a host' }
    const others = size > 1 ? '; the other ranks were ended' : ''
    say(`${howItFailed(place, failure)}${others}\n${lastLinesOf(output.ranks[failure.rank]!)}`.trimEnd())
  }
  return codeOf(exit)
}

function mpirunCommand(settings: Settings, variables: readonly string[]): string[] {
  const { size, hosts, networkInterface, sshCommand, sshPort, sshIdentityFile, mpiArguments } = settings
  const words = ['mpirun', '-np', String(size), '-H', listed(hosts)]
  // Open MPI would bind each rank to one core; threads within a rank need more.
  words.push('--bind-to', 'none', '--map-by', 'slot', '--tag-output')
  const mca = (name: string, value: string) => words.push('--mca', name, value)
  if (networkInterface) {
    mca('btl_tcp_if_include', networkInterface)
    mca('oob_tcp_if_include', networkInterface)
  }
  if (sshCommand !== 'ssh') mca('plm_rsh_agent', sshCommand)
  const ssh = [...(sshPort ? ['-p', String(sshPort)] : []), ...(sshIdentityFile ? ['-i', sshIdentityFile] : [])]
  if (ssh.length > 0) mca('plm_rsh_args', ssh.join(' '))
  if (process.getuid?.() === 0) words.push('--allow-run-as-root')
  const exported = variables.filter((name) => /^\w+$/.test(name) && !NOT_EXPORTED.test(name))
  for (const name of exported) if (!HOST_VARIABLES.includes(name)) words.push('-x', name)
  return [...words, ...mpiArguments]
}
