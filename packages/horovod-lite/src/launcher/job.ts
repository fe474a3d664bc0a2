import { setMaxListeners } from 'node:events'
import { newSecret } from '../wire/authentication'
import { RendezvousServer } from '../wire/rendezvous'
import { Agent, type AgentOptions, type Exit, type RemoteProcess } from './agents'
import { jobVariables, placeVariables, rendezvousHost, rendezvousVariables } from './environment'
import { causeOf, codeAfter, codeOf, type Failed, hasLost, howItFailed, lastLinesOf, obeyed } from './failure'
import type { Place } from './hosts'
import { RankOutput } from './output'
import { GRACE, HEARING, PATIENCE } from './patience'
import { say } from './screen'
import type { Settings } from './settings'
import { withSignals } from './signals'

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
export function runJob(settings: Settings, places: readonly Place[]): Promise<number> {
  const job = new Job(settings)
  return withSignals(
    (signal, again) => job.pass(signal, again),
    () => openAndRun(job, settings, places),
  )
}

async function openAndRun(job: Job, settings: Settings, places: readonly Place[]): Promise<number> {
  const hosts = [...new Set(places.map(({ host }) => host))]
  const open = (host: string) => Agent.open(host, agentOptions(settings), job.needed.signal)
  setMaxListeners(0, job.needed.signal) // one for each host
  const opened = await Promise.allSettled(hosts.map(open))
  const agents = new Map<string, Agent>()
  for (const [i, result] of opened.entries()) if (result.status === 'fulfilled') agents.set(hosts[i]!, result.value)
  let server: RendezvousServer | undefined
  try {
    const problems = opened.flatMap((result) => (result.status === 'rejected' ? [result.reason.message] : []))
    if (problems.length > 0 && !job.needed.signal.aborted) throw new Error(problems.join('\nhvdrun: '))
    const secret = newSecret()
    const seen = [...agents.values()].flatMap(({ seenFrom }) => seenFrom ?? [])
    server = await RendezvousServer.open({ host: await rendezvousHost(settings, hosts, seen), secret, onRefused: say })
    const environment = { ...jobVariables(settings), ...rendezvousVariables(server, secret) }
    return await job.run(places, agents, environment)
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
  private readonly failures: Failed[] = []
  private signalled?: NodeJS.Signals
  private ending = false
  /** A second signal has come. */
  private impatient = false
  private readonly timers: NodeJS.Timeout[] = []
  private giveUp!: () => void
  private readonly gaveUp = new Promise<void>((resolve) => {
    this.giveUp = resolve
  })

  /** Aborted by a signal: hosts that have not answered are not needed any more. */
  readonly needed = new AbortController()

  constructor(private readonly settings: Settings) {}

  /** @param environment of every rank */
  async run(
    places: readonly Place[],
    agents: ReadonlyMap<string, Agent>,
    environment: Record<string, string>,
  ): Promise<number> {
    if (this.signalled) return codeAfter(this.signalled)
    const { outputFilename: folder, timestamps } = this.settings
    for (const place of places) this.ranks.push({ place, output: new RankOutput(place.rank, { folder, timestamps }) })
    const running = this.ranks.map((rank) => this.start(rank, agents.get(rank.place.host)!, environment))
    await Promise.race([Promise.all(running), this.gaveUp])
    for (const timer of this.timers) clearTimeout(timer)
    const code = this.ownFailures().length > 0 ? this.report() : 0
    // As with horovodrun: a signal after which all ranks end well has done no harm.
    const well = this.ranks.every(({ exit }) => exit?.code === 0)
    return this.signalled && !well ? codeAfter(this.signalled) : code
  }

  /** Resolves when it has ended. */
  private start(rank: Rank, agent: Agent, environment: Record<string, string>): Promise<void> {
    const { place, output } = rank
    const { command } = this.settings
    return new Promise((resolve) => {
      rank.process = agent.start(command, { ...environment, ...placeVariables(place) }, process.cwd(), {
        onOutput: (stream, bytes) => output.write(stream, bytes),
        onDeath: (exit) => {
          rank.exit = exit
          if (exit.code !== 0 && !this.impatient) this.fail({ place, output, exit })
        },
        onExit: () => {
          output.close()
          resolve()
        },
      })
    })
  }

  private fail(failure: Failed): void {
    if (this.signalled && obeyed(failure.exit, this.signalled)) return
    this.failures.push(failure)
    this.timers.push(setTimeout(() => this.endAll(), HEARING)) // the first that was heard of may only have lost another
  }

  private endAll(): void {
    if (this.ending || this.ownFailures().length === 0) return
    this.ending = true
    this.signalAll('SIGTERM')
    this.timers.push(
      setTimeout(() => this.signalAll('SIGKILL'), GRACE - HEARING),
      setTimeout(() => this.giveUp(), PATIENCE - HEARING),
    )
  }

  /** After a signal not of those who have lost one that obeyed it: others may still save. */
  private ownFailures(): Failed[] {
    return this.signalled ? this.failures.filter(({ output }) => !hasLost(output)) : this.failures
  }

  /** A signal to hvdrun is for all ranks; a second one ends them. */
  pass(signal: NodeJS.Signals, again: boolean): void {
    this.signalled ??= signal
    this.impatient = again
    this.needed.abort()
    if (!again && this.ranks.length > 0) say(`${signal} goes to all ranks; once more ends them at once`)
    this.signalAll(again ? 'SIGKILL' : signal)
    if (again) this.timers.push(setTimeout(() => this.giveUp(), PATIENCE - GRACE))
  }

  /** What a rank has started may outlive it: the agent knows. */
  private signalAll(signal: NodeJS.Signals): void {
    for (const { process } of this.ranks) process?.signal(signal)
  }

  /** Says who failed first. @returns its exit code */
  private report(): number {
    const { place, exit, output } = causeOf(this.ownFailures())
    const silent = this.ranks.filter((rank) => !rank.exit).map(({ place: { rank, host } }) => `rank ${rank} on ${host}`)
    if (silent.length > 0) say(`${silent.join(', ')}: nothing was heard since; look there for what is left`)
    const others = this.ranks.length > 1 ? '; the other ranks were ended' : ''
    say(`${howItFailed(place, exit)}${others}\n${lastLinesOf(output)}`.trimEnd())
    return codeOf(exit)
  }
}
