import { constants } from 'node:os'
import { newSecret } from '../wire/authentication'
import { RendezvousServer } from '../wire/rendezvous'
import { Agent, type AgentOptions, type Exit, type RemoteProcess } from './agents'
import { jobVariables, placeVariables, rendezvousHost, rendezvousVariables } from './environment'
import { causeOf, codeOf, howItFailed, lastLinesOf } from './failure'
import type { Place } from './hosts'
import { RankOutput } from './output'
import { say } from './screen'
import type { Settings } from './settings'
import { withSignals } from './signals'

/**
 * Milliseconds after a rank has failed: until the others get SIGTERM (before that they may end by themselves, and say why;
 * the one that was heard of first may only have lost another), SIGKILL, and until hvdrun waits no more.
 */
const HEARING = 1000
const GRACE = 3000
const PATIENCE = 4500

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
  const hosts = [...new Set(places.map(({ host }) => host))]
  const opened = await Promise.allSettled(hosts.map((host) => Agent.open(host, agentOptions(settings))))
  const agents = new Map<string, Agent>()
  for (const [i, result] of opened.entries()) if (result.status === 'fulfilled') agents.set(hosts[i]!, result.value)
  let server: RendezvousServer | undefined
  try {
    const problems = opened.flatMap((result) => (result.status === 'rejected' ? [result.reason.message] : []))
    if (problems.length > 0) throw new Error(problems.join('\nhvdrun: '))
    const secret = newSecret()
    const seen = [...agents.values()].flatMap(({ seenFrom }) => seenFrom ?? [])
    server = await RendezvousServer.open({ host: rendezvousHost(settings, hosts, seen), secret, onRefused: say })
    const environment = { ...jobVariables(settings), ...rendezvousVariables(server, secret) }
    return await new Job(settings, agents, environment).run(places)
  } finally {
    for (const agent of agents.values()) agent.close()
    server?.close()
  }
}

export const agentOptions = ({ sshCommand, sshPort, sshIdentityFile, startTimeout }: Settings): AgentOptions => ({
  sshCommand,
  sshPort,
  sshIdentityFile,
  startTimeoutSeconds: startTimeout,
})

class Job {
  private readonly ranks: Rank[] = []
  /** By themselves, in the order in which they were heard of. */
  private readonly failures: (Rank & { exit: Exit })[] = []
  private signalled?: NodeJS.Signals
  private readonly timers: NodeJS.Timeout[] = []
  private giveUp!: () => void
  private readonly gaveUp = new Promise<void>((resolve) => {
    this.giveUp = resolve
  })

  constructor(
    private readonly settings: Settings,
    private readonly agents: ReadonlyMap<string, Agent>,
    private readonly environment: Record<string, string>,
  ) {}

  async run(places: readonly Place[]): Promise<number> {
    const { outputFilename: folder, timestamps } = this.settings
    for (const place of places) this.ranks.push({ place, output: new RankOutput(place.rank, { folder, timestamps }) })
    await withSignals(
      (signal, again) => this.pass(signal, again),
      async () => {
        await Promise.race([Promise.all(this.ranks.map((rank) => this.start(rank))), this.gaveUp])
      },
    )
    for (const timer of this.timers) clearTimeout(timer)
    if (this.failures.length > 0) return this.report()
    // As with horovodrun: a signal after which all ranks end well has done no harm.
    const well = this.ranks.every(({ exit }) => exit?.code === 0)
    return this.signalled && !well ? 128 + constants.signals[this.signalled] : 0
  }

  /** Resolves when it has ended. */
  private start(rank: Rank): Promise<void> {
    const { place, output } = rank
    const { command } = this.settings
    const environment = { ...this.environment, ...placeVariables(place) }
    return new Promise((resolve) => {
      rank.process = this.agents.get(place.host)!.start(command, environment, process.cwd(), {
        onOutput: (stream, bytes) => output.write(stream, bytes),
        onDeath: (exit) => {
          rank.exit = exit
          if (exit.code !== 0 && !this.signalled) this.fail({ ...rank, exit })
        },
        onExit: () => {
          output.close()
          resolve()
        },
      })
    })
  }

  private fail(failure: Rank & { exit: Exit }): void {
    this.failures.push(failure)
    if (this.failures.length > 1) return
    this.timers.push(
      setTimeout(() => this.signalAll('SIGTERM'), HEARING),
      setTimeout(() => this.signalAll('SIGKILL'), GRACE),
      setTimeout(() => this.giveUp(), PATIENCE),
    )
  }

  /** A signal to hvdrun is for all ranks; a second one ends them. */
  private pass(signal: NodeJS.Signals, again: boolean): void {
    this.signalled ??= signal
    if (!again) say(`${signal} goes to all ranks; once more ends them at once`)
    this.signalAll(again ? 'SIGKILL' : signal)
    if (again) this.timers.push(setTimeout(() => this.giveUp(), PATIENCE - GRACE))
  }

  /** What a rank has started may outlive it: the agent knows. */
  private signalAll(signal: NodeJS.Signals): void {
    for (const { process } of this.ranks) process?.signal(signal)
  }

  /** Says who failed first. @returns its exit code */
  private report(): number {
    const { place, exit, output } = causeOf(this.failures)
    const silent = this.ranks.filter((rank) => !rank.exit).map(({ place: { rank, host } }) => `rank ${rank} on ${host}`)
    if (silent.length > 0) say(`${silent.join(', ')}: nothing was heard since; look there for what is left`)
    const others = this.ranks.length > 1 ? '; the other ranks were ended' : ''
    say(`${howItFailed(place, exit)}${others}\n${lastLinesOf(output)}`.trimEnd())
    return codeOf(exit)
  }
}
