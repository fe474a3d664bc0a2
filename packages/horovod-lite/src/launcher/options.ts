import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { version } from '../../package.json'
import { type Flags, refuse, UsageError } from './flags'
import { type Host, parseHosts, readHostfile } from './hosts'
import type { ElasticSettings, Settings } from './settings'

const EXAMPLES = `
Examples:
  hvdrun -np 4 node train.mjs                          four processes on this host
  hvdrun -np 4 -H host1:2,host2:2 node train.mjs       two on each of two hosts, by ssh
  hvdrun -np 8 --hostfile hosts --transport mpi node train.mjs
                                                       through Open MPI's mpirun
  hvdrun -np 2 npx unet-industrial train --data-dir data/DAGM
  hvdrun --min-np 2 --max-np 8 --host-discovery-script ./hosts.sh node train.mjs
                                                       elastic: processes may come and go`

/** Understands a command line. @returns undefined where help, the version or --check-build was asked for */
export function parseOptions(argv: readonly string[], checkBuild: () => void): Settings | undefined {
  const program = commandLine()
  let settings: Settings | undefined
  program.action((command: string[], flags: Flags) => {
    if (flags.checkBuild) checkBuild()
    else settings = settingsOf(command, flags)
  })
  if (argv.length === 0) {
    program.outputHelp()
    return undefined
  }
  try {
    program.parse(withUsualNames(program, argv), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (!/^commander\.(help|helpDisplayed|version)$/.test(error.code))
      throw new UsageError(error.message.replace(/^error: /, '').replaceAll('\n', ' '))
  }
  return settings
}

function commandLine(): Command {
  return new Command('hvdrun')
    .description('Runs a command in several processes that train together, on one host or many.')
    .usage('-np N [options] command...')
    .argument('[command...]', 'what each process runs')
    .passThroughOptions()
    .optionsGroup('Where:')
    .option('-n, --num-proc <n>', 'processes, also -np (default: as many as the hosts have slots)', whole(1))
    .option('-H, --hosts <list>', 'hosts and their slots: host1:2,host2:2 (default: this host)')
    .option('--hostfile <file>', 'the same from a file of lines "host slots=2"')
    .option('--ssh-command <command>', 'how to reach other hosts', 'ssh')
    .option('-p, --ssh-port <port>', "ssh's port", whole(1, 65535))
    .option('-i, --ssh-identity-file <file>', "ssh's key")
    .optionsGroup('How they reach each other:')
    .option('--transport <name>', 'what moves the tensors: auto, tcp, shm, mpi, or the URL of a module (auto)')
    .option('--network-interface <names>', 'listen on this interface only, such as eth0')
    .option('--start-timeout <seconds>', 'how long all processes may take to start (30)', seconds)
    .option('--mpi-args <words>', 'more arguments for mpirun (--transport mpi)')
    .optionsGroup('What is told:')
    .option(
      '--output-filename <folder>',
      "each rank's output also in folder/rank.N/stdout and stderr (elastic: process.N)",
    )
    .option('--prefix-output-with-timestamp', 'the time before each line')
    .option('--verbose', 'say what is started where')
    .option('--timeline-filename <file>', 'rank 0 writes a Chrome trace of all operations')
    .optionsGroup('Training:')
    .option('--fusion-threshold-mb <n>', 'MiB of gradients that travel together', whole(0))
    .option('--stall-check-warning-time-seconds <s>', 'warn where ranks wait for others for so long (60)', seconds)
    .option('--stall-check-shutdown-time-seconds <s>', 'and end the job after so long (0: never)', secondsOrNever)
    .option('--no-stall-check', 'do not watch for it')
    .optionsGroup('Elastic, where processes may come and go:')
    .option('--min-np <n>', 'wait for at least so many processes', whole(1))
    .option('--max-np <n>', 'at most so many', whole(1))
    .option('--host-discovery-script <file>', 'prints a line host:slots for each host there is')
    .option('--slots-per-host <n>', 'slots where the script gives none', whole(1))
    .option('--reset-limit <n>', 'how often the world may change', whole(0))
    .option('--elastic-timeout <seconds>', 'how long to wait for enough slots (600)', seconds)
    .option('--blacklist-cooldown <seconds>', 'when a host that failed may be tried again (never)', seconds)
    .optionsGroup('About hvdrun:')
    .option('--check-build', 'say which transports work here, and why not')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

/** horovodrun's other names, and those that no parser of options expects. */
const OTHER_NAMES: Record<string, string> = {
  '-np': '--num-proc',
  '-v': '--version',
  '-cb': '--check-build',
  '-hostfile': '--hostfile',
  '--network-interfaces': '--network-interface',
  '--min-num-proc': '--min-np',
  '--max-num-proc': '--max-np',
  '-prefix-timestamp': '--prefix-output-with-timestamp',
}

/** Only hvdrun's own options are looked at, not the command's. */
function withUsualNames(program: Command, argv: readonly string[]): string[] {
  const words = [...argv]
  for (let i = 0; i < words.length && words[i]!.startsWith('-') && words[i] !== '--'; i++) {
    const [name, value] = words[i]!.split(/=(.*)/s) as [string, string?]
    const usual = OTHER_NAMES[name]
    if (usual) words.splice(i, 1, usual, ...(value === undefined ? [] : [value]))
    const option = program.options.find(({ short, long }) => words[i] === short || words[i] === long)
    if (option?.required) i++
  }
  return words
}

function settingsOf(command: string[], flags: Flags): Settings {
  if (command.length === 0)
    throw new UsageError('got no command, expected one to run, as in: hvdrun -np 2 node train.mjs')
  const { HOROVOD_TRANSPORT, HOROVOD_GLOO_IFACE, HOROVOD_START_TIMEOUT } = process.env
  const transport = flags.transport ?? (HOROVOD_TRANSPORT || 'auto')
  const elastic = elasticOf(flags)
  refuse(flags, transport, elastic)
  const listed = flags.hostfile ? readHostfile(flags.hostfile) : flags.hosts ? parseHosts(flags.hosts) : undefined
  const slots = listed?.reduce((sum, host) => sum + host.slots, 0)
  const size = flags.numProc ?? elastic?.minSize ?? slots
  if (!size) throw new UsageError('got no number of processes, expected -np N, or hosts with their slots')
  const hosts: Host[] = listed ?? [{ name: 'localhost', slots: flags.maxNp ?? size }]
  return {
    command,
    size,
    hosts,
    transport,
    networkInterface: flags.networkInterface ?? (HOROVOD_GLOO_IFACE || undefined),
    startTimeout: flags.startTimeout ?? (Number(HOROVOD_START_TIMEOUT) || 30),
    outputFilename: flags.outputFilename,
    timestamps: flags.prefixOutputWithTimestamp ?? false,
    verbose: flags.verbose ?? false,
    sshCommand: flags.sshCommand,
    sshPort: flags.sshPort,
    sshIdentityFile: flags.sshIdentityFile,
    mpiArguments: (flags.mpiArgs ?? '').split(' ').filter(Boolean),
    variables: variablesOf(flags),
    elastic,
  }
}

function elasticOf(flags: Flags): ElasticSettings | undefined {
  const { minNp, maxNp, numProc, hostDiscoveryScript } = flags
  if (!minNp && !maxNp && !hostDiscoveryScript) return undefined
  const minSize = minNp ?? numProc ?? 1
  const maxSize = maxNp ?? Number.MAX_SAFE_INTEGER
  return {
    minSize,
    maxSize,
    discoveryScript: hostDiscoveryScript,
    slotsPerHost: flags.slotsPerHost,
    resetLimit: flags.resetLimit,
    timeout: flags.elasticTimeout ?? 600,
    blacklistCooldown: flags.blacklistCooldown,
  }
}

/** The options that the ranks read from their environment. */
function variablesOf(flags: Flags): Record<string, string> {
  const given: Record<string, string | number | undefined> = {
    HOROVOD_TRANSPORT: flags.transport,
    HOROVOD_START_TIMEOUT: flags.startTimeout,
    HOROVOD_GLOO_IFACE: flags.networkInterface,
    HOROVOD_TIMELINE: flags.timelineFilename,
    HOROVOD_FUSION_THRESHOLD: flags.fusionThresholdMb === undefined ? undefined : flags.fusionThresholdMb * 2 ** 20,
    HOROVOD_STALL_CHECK_TIME_SECONDS: flags.stallCheckWarningTimeSeconds,
    HOROVOD_STALL_SHUTDOWN_TIME_SECONDS: flags.stallCheckShutdownTimeSeconds,
    HOROVOD_STALL_CHECK_DISABLE: flags.stallCheck ? undefined : 1,
  }
  const there = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there.map(([name, value]) => [name, String(value)]))
}

const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string) => {
    const value = Number(text)
    const range = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of at least ${least}`
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new InvalidArgumentError(`Expected a whole number ${range}.`)
    return value
  }

function seconds(text: string): number {
  const value = Number(text)
  if (!(Number.isFinite(value) && value > 0)) throw new InvalidArgumentError('Expected a number of seconds above 0.')
  return value
}

const secondsOrNever = (text: string): number => (Number(text) === 0 ? 0 : seconds(text))
