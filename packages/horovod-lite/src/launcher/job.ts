import { constants } from 'node:os'
import { newSecret } from '../wire/authentication'
import { addressOfInterface, reachableAddresses } from '../wire/interfaces'
import { RendezvousServer } from '../wire/rendezvous'
import { Agent, type AgentOptions, type Exit, type RemoteProcess } from './agents'
import { isLocal, type Place, placeVariables } from './hosts'
import { RankOutput } from './output'
import type { Settings } from './settings'

/** Milliseconds between SIGTERM and SIGKILL where a rank has failed. */
const GRACE = 3000

/** A rank that runs, or ran. */
interface Rank {
  place: Place
  output: RankOutput
  process?: RemoteProcess
  exit?: Exit
}

/**
 * Runs a command on every place and waits for all of them. The first that fails ends all.
 * @returns the exit code of hvdrun
 */
export async function runJob(settings: Settings, places: readonly Place[]): Promise<number> {
  const agents = new Map<string, Agent>()
  const secret = newSecret()
  const hosts = [...new Set(places.map(({ host }) => host))]
  const server = await RendezvousServer.open({
    host: rendezvousHost(settings, hosts),
    secret,
    onRefused: (line) => process.stderr.write(`hvdrun: ${line}\n`),
  })
  try {
    const opened = await Promise.allSettled(hosts.map((host) => Agent.open(host, agentOptions(settings))))
    for (const [i, result] of opened.entries()) if (result.status === 'fulfilled') agents.set(hosts[i]!, result.value)
    const failed = opened.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    const environment = { ...jobVariables(settings), ...rendezvousVariables(server, secret) }
    return await new Job(settings, agents, environment).run(places)
  } finally {
    for (const agent of agents.values()) agent.close()
    server.close()
  }
}

export const agentOptions = ({ sshCommand, sshPort, sshIdentityFile, startTimeout }: Settings): AgentOptions => ({
  sshCommand,
  sshPort,
  sshIdentityFile,
  startTimeoutSeconds: startTimeout,
})

export function rendezvousHost({ networkInterface }: Settings, hosts: readonly string[]): string {
  if (networkInterface) return addressOfInterface(networkInterface)
  return hosts.every(isLocal) ? '127.0.0.1' : reachableAddresses()[0]!
}

export const rendezvousVariables = ({ address }: RendezvousServer, secret: string): Record<string, string> => ({
  HOROVOD_GLOO_RENDEZVOUS_ADDR: address.host,
  HOROVOD_GLOO_RENDEZVOUS_PORT: String(address.port),
  HOROVOD_SECRET_KEY: secret,
})

/** Variables of hvdrun's own shell that say nothing on another host, or in another process. */
const OWN =
  /^(PWD|OLDPWD|SHLVL|_|HOSTNAME|DISPLAY|SSH_.*|XDG_.*|TERM_.*|HOROVOD_(RANK|SIZE|LOCAL_.*|CROSS_.*)|MASTER_(ADDR|PORT))$/

/** What every rank of a job is given: hvdrun's own environment, and its options. */
export function jobVariables(settings: Settings): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name, value]) => value !== undefined && !OWN.test(name))
  return { ...(Object.fromEntries(inherited) as Record<string, string>), ...settings.variables }
}

class Job {
  private readonly ranks: Rank[] = []
  private firstFailure?: Rank
  private signalled?: NodeJS.Signals
  private killing?: NodeJS.Timeout

  constructor(
    private readonly settings: Settings,
    private readonly agents: ReadonlyMap<string, Agent>,
    private readonly environment: Record<string, string>,
  ) {}

  async run(places: readonly Place[]): Promise<number> {
    const { outputFilename: folder, timestamps } = this.settings
    for (const place of places) this.ranks.push({ place, output: new RankOutput(place.rank, { folder, timestamps }) })
    const onSignal = (signal: NodeJS.Signals) => this.pass(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, onSignal)
    try {
      await Promise.all(this.ranks.map((rank) => this.start(rank)))
    } finally {
      for (const signal of signals) process.off(signal, onSignal)
      clearTimeout(this.killing)
    }
    if (this.firstFailure) return report(this.firstFailure)
    return this.signalled ? 128 + constants.signals[this.signalled] : 0
  }

  /** Resolves when it has ended. */
  private start(rank: Rank): Promise<void> {
    return new Promise((resolve) => {
      const environment = { ...this.environment, ...placeVariables(rank.place) }
      rank.process = this.agents.get(rank.place.host)!.start(this.settings.command, environment, process.cwd(), {
        onOutput: (stream, text) => rank.output.write(stream, text),
        onExit: (exit) => {
          rank.exit = exit
          rank.output.close()
          if ((exit.code !== 0 || exit.problem) && !this.signalled) this.fail(rank)
          resolve()
        },
      })
    })
  }

  private fail(rank: Rank): void {
    if (this.firstFailure) return
    this.firstFailure = rank
    this.signalAll('SIGTERM')
    this.killing = setTimeout(() => this.signalAll('SIGKILL'), GRACE)
  }

  /** A signal to hvdrun is for all ranks; a second one ends them. */
  private pass(signal: NodeJS.Signals): void {
    const again = this.signalled !== undefined
    this.signalled ??= signal
    if (!again) process.stderr.write(`hvdrun: ${signal} goes to all ranks; once more ends them at once\n`)
    this.signalAll(again ? 'SIGKILL' : signal)
  }

  private signalAll(signal: NodeJS.Signals): void {
    for (const { process, exit } of this.ranks) if (!exit) process?.signal(signal)
  }
}

/** Says who failed first. @returns its exit code */
function report({ place, exit, output }: Rank): number {
  process.stderr.write(`hvdrun: ${howItFailed(place, exit!)}; the other ranks were ended\n${lastLinesOf(output)}`)
  return codeOf(exit!)
}

export function howItFailed({ rank, host }: Pick<Place, 'rank' | 'host'>, { code, signal, problem }: Exit): string {
  const how = problem ? `did not run: ${problem}` : signal ? `was killed by ${signal}` : `exited with code ${code}`
  return `rank ${rank} on ${host} ${how}`
}

export const codeOf = ({ code, signal }: Exit): number => code ?? 128 + constants.signals[signal!]

export function lastLinesOf({ lastLines }: RankOutput): string {
  return lastLines.length > 0 ? `its last lines:\n${lastLines.map((line) => `  ${line}\n`).join('')}` : ''
}
