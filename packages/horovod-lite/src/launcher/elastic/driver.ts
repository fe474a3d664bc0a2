import { HOSTS_UPDATED, type Policy, type Registered, type RendezvousServer, WORLD_BROKEN } from '../../wire/rendezvous'
import type { World } from '../../world'
import type { Exit } from '../agents'
import { codeAfter, codeOf, hasLost, howItFailed, lastLinesOf, obeyed } from '../failure'
import { type Host, listed } from '../hosts'
import type { RankOutput } from '../output'
import { HEARING, PATIENCE } from '../patience'
import type { Membership } from './membership'
import type { Processes } from './processes'
import type { Worker } from './seating'
import type { Failure, Step } from './step'

/** Seconds until a host that could not be reached is tried again. */
const RETRY = 10
/** Milliseconds between two looks at the clock. */
const TICK = 250

const now = () => performance.now() / 1000

/** Does what `Membership` decides: the policy of the rendezvous, which is asked whenever something has happened. */
export class Driver implements Policy {
  /** Of processes that failed, to be shown where that ends the job. */
  private readonly outputs = new Map<Worker, RankOutput>()
  private readonly hosts = new Map<string, number>()
  /** Why hosts could not be reached: each reason is told once. */
  private readonly told = new Set<string>()
  private server?: RendezvousServer
  private processes!: Processes
  private timer?: NodeJS.Timeout
  private over = false
  private exitCode = 0
  /** Why the job has failed. */
  private verdict?: { reason: string; failure?: Failure }
  /** What ran when hvdrun got a signal. */
  private readonly signalled = new Set<Worker>()
  private signal?: NodeJS.Signals
  /** Of these, who has failed otherwise than by the signal. */
  private readonly late: { text: string; output?: RankOutput }[] = []
  /** Who wanted to go on in a further world. */
  private readonly dismissed = new Set<Worker>()
  /** Who still runs was told to end at once. */
  private ending = false
  private finish!: (code: number) => void
  /** hvdrun's exit code, when all processes have ended. */
  readonly ended = new Promise<number>((resolve) => {
    this.finish = resolve
  })

  constructor(
    private readonly membership: Membership,
    private readonly say: (line: string) => void,
  ) {}

  begin(processes: Processes): void {
    this.processes = processes
    this.timer = setInterval(() => this.reconsider(), TICK)
  }

  /** From now on processes may register. */
  serve(server: RendezvousServer): void {
    this.server = server
  }

  found(hosts: Host[]): void {
    this.hosts.clear()
    for (const { name, slots } of hosts) this.hosts.set(name, slots)
    this.membership.hosts.update(hosts)
    this.say(`hosts: ${listed(hosts, ', ') || 'none'}`)
    this.reconsider()
  }

  /** Something has happened: what follows? */
  private reconsider(): void {
    if (this.server) this.server.reconsider()
    else this.assign([])
  }

  started(worker: Worker): void {
    this.membership.started(worker.id, now())
  }

  exited(worker: Worker, exit: Exit, output?: RankOutput): void {
    const wanted = worker.stopping || this.over
    const failed = exit.code !== 0 || exit.problem !== undefined
    const failure = failed ? { text: howItFailed(worker, exit), code: codeOf(exit) } : undefined
    if (failure && output && !wanted) this.outputs.set(worker, output)
    const broken = this.membership.ended(worker.id, now(), failure)
    if (failure && !wanted) this.say(failure.text)
    if (failure && this.signal && this.signalled.has(worker)) {
      this.exitCode = codeAfter(this.signal)
      if (!this.ending && !this.dismissed.has(worker) && !obeyed(exit, this.signal)) {
        this.late.push({ text: failure.text, output })
        setTimeout(() => this.endLate(), HEARING).unref()
      }
    }
    if (broken && failure) this.server?.notify(WORLD_BROKEN, { message: failure.text })
    this.reconsider()
    this.closed()
  }

  /** A process has said everything. */
  closed(): void {
    if (this.over && this.processes.count === 0) this.close()
  }

  unreachable(host: string, reason: Error): void {
    if (this.over) return
    if (!this.told.has(reason.message)) this.say(`${reason.message}; it is tried again every ${RETRY} s`)
    this.told.add(reason.message)
    this.membership.unreachable(host, now() + RETRY)
    this.reconsider()
  }

  /** A signal to hvdrun is for all processes; a second one ends them. */
  pass(signal: NodeJS.Signals, again: boolean): void {
    this.processes.signalAll(again ? 'SIGKILL' : signal)
    this.ending ||= again
    if (again) return
    this.say(`${signal} goes to all processes; once more ends them at once`)
    if (this.over) return
    this.signal = signal
    for (const worker of this.membership.all) if (!worker.stopping) this.signalled.add(worker)
    this.wait(this.processes.count === 0 ? codeAfter(signal) : 0) // as in a job that is not elastic: a signal after which all end well has done no harm
  }

  private endLate(): void {
    if (this.ending || !this.lateFailure()) return
    this.ending = true
    this.stop()
  }

  /** Not of those who have lost one that obeyed the signal: others may still save. */
  private lateFailure() {
    return this.late.find(({ output }) => !output || !hasLost(output))
  }

  assign(waiting: readonly Registered[]): (World | null)[] | undefined {
    if (this.over) {
      // Who has lost another after a signal can go on only in a world that there will not be.
      for (const { registration } of waiting) {
        const worker = this.membership.find(registration.worker)
        if (worker) this.dismissed.add(worker)
        if (worker) this.processes.stop(worker)
      }
      return undefined
    }
    const newest = new Map(waiting.map((registered) => [registered.registration.worker, registered]))
    this.membership.waitingAre(new Map([...newest].map(([id, { registration }]) => [id, registration])))
    const step = this.membership.next(now())
    this.do(step)
    const placeOf = (registered: Registered): World | null => {
      const { worker } = registered.registration
      return (newest.get(worker) === registered && step.place?.get(worker)) || null
    }
    return step.place && waiting.map(placeOf)
  }

  private do({ start, stop, notify, lost, place, end }: Step): void {
    for (const { text } of lost) this.say(text)
    if (end) {
      const { reason, failure } = end
      if (reason) this.verdict = { reason, failure }
      this.end(failure?.code ?? (reason ? 1 : 0))
      return
    }
    for (const worker of start)
      this.processes.start(worker, this.hosts.get(worker.host) ?? 1).catch((error: Error) => {
        if (this.over) return
        this.verdict = { reason: error.message }
        this.end(1)
      })
    for (const worker of stop) this.processes.stop(worker)
    if (notify) this.server?.notify(HOSTS_UPDATED)
    if (place) {
      this.outputs.clear()
      const members = this.membership.all.filter(({ id }) => place.has(id))
      for (const worker of members) this.processes.setRank(worker)
      const hosts = [...new Set(members.map(({ host }) => host))]
      const list = listed(
        hosts.map((name) => ({ name, slots: members.filter(({ host }) => host === name).length })),
        ', ',
      )
      this.say(
        `world ${this.membership.worlds}: ${members.length} process${members.length === 1 ? '' : 'es'} on ${list}`,
      )
    }
  }

  /** Ends all processes. */
  private end(code: number): void {
    this.wait(code)
    this.stop()
  }

  private stop(): void {
    for (const worker of this.membership.all) this.processes.stop(worker)
    setTimeout(() => this.close(), PATIENCE).unref()
  }

  /** Starts nothing more, and waits for what runs. */
  private wait(code: number): void {
    if (this.over) return
    this.over = true
    this.exitCode = code
    for (const worker of this.membership.all) worker.stopping = true
    if (this.processes.count === 0) this.close()
  }

  private close(): void {
    clearInterval(this.timer)
    if (this.verdict) {
      const { reason, failure } = this.verdict
      const output = failure && this.outputs.get(failure.worker)
      this.say(output ? `${reason}\n${lastLinesOf(output)}`.trimEnd() : reason)
      this.verdict = undefined
    }
    const late = this.lateFailure()
    if (late) this.say(late.output ? `${late.text}\n${lastLinesOf(late.output)}`.trimEnd() : late.text)
    this.finish(this.exitCode)
  }
}
