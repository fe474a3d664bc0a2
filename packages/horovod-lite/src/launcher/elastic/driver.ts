import { constants } from 'node:os'
import type { Registered } from '../../wire/rendezvous'
import type { World } from '../../world'
import type { Exit, RemoteProcess } from '../agents'
import type { Host } from '../hosts'
import type { ElasticSettings } from '../settings'
import { assignRanks } from './assignment'
import { Blacklist } from './blacklist'
import { changeOf } from './slots'

/** What the driver does to the world outside: processes, and those who have registered. */
export interface Stage {
  /** Starts a process; its end comes to `Driver.exited`. */
  start(id: string, host: string): RemoteProcess
  /** Tells all registered processes that the hosts have changed. */
  announce(): void
  /** Asks `Driver.assign` again. */
  reconsider(): void
  say(line: string): void
}

interface Worker {
  id: string
  host: string
  slot: number
  process: RemoteProcess
  /** Of the first world it was in. */
  since?: number
  rank?: number
  /** It is to go: its host is gone, or blacklisted. */
  leaving: boolean
}

/** How a job ended. */
export interface Ending {
  code: number
  /** Where it failed. */
  reason?: string
}

/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 3000

/** Decides who takes part: starts and stops processes as hosts come and go, and forms worlds of those who are there. */
export class Driver {
  private readonly workers = new Map<string, Worker>()
  private readonly blacklist: Blacklist
  private hosts: Host[] = []
  private worlds = 0
  private started = 0
  /** A process has ended well: the work is done, and nobody is started any more. */
  private finishing = false
  private firstFailure?: string
  private firstCode = 1
  private failedAtEnd = false
  private signalled?: NodeJS.Signals
  private shortage?: NodeJS.Timeout
  private end!: (ending: Ending) => void
  private over = false
  readonly ended = new Promise<Ending>((resolve) => {
    this.end = resolve
  })

  constructor(
    private readonly settings: ElasticSettings,
    private readonly stage: Stage,
  ) {
    this.blacklist = new Blacklist(settings.blacklistCooldown)
  }

  /** The hosts that there are now. */
  setHosts(hosts: Host[]): void {
    this.hosts = hosts
    this.adapt()
  }

  /** A signal to the job: for all processes. Nobody is started any more. */
  signal(signal: NodeJS.Signals): void {
    const again = this.signalled !== undefined
    this.signalled ??= signal
    this.finishing = true
    for (const { process } of this.workers.values()) process.signal(again ? 'SIGKILL' : signal)
    this.adapt()
  }

  /** A process has ended. */
  exited(id: string, { code, signal, problem }: Exit): void {
    const worker = this.workers.get(id)
    if (!worker) return
    this.workers.delete(id)
    if (!worker.leaving) {
      if (code === 0 && !problem) this.finishing = true
      else if (!this.signalled)
        this.failed(
          worker,
          problem ?? (signal ? `was killed by ${signal}` : `exited with code ${code}`),
          code ?? 128 + constants.signals[signal!],
        )
    }
    this.adapt()
    this.stage.reconsider()
  }

  /** Policy of the rendezvous: the next world, once all who run wait for it. */
  assign(waiting: readonly Registered[]): World[] | undefined {
    const here = waiting.map(({ registration: { worker } }) => this.workers.get(worker))
    const leaving = here.filter((worker) => worker?.leaving)
    for (const worker of leaving) this.stop(worker!)
    const members = [...this.workers.values()].filter((worker) => !worker.leaving)
    const complete = here.length === members.length && here.every((worker) => worker && !worker.leaving)
    if (this.over || !complete || members.length < this.settings.minSize) return undefined
    const { resetLimit } = this.settings
    if (resetLimit !== undefined && this.worlds > resetLimit) {
      this.giveUp(`the world has changed more than ${resetLimit} times (--reset-limit)${this.because()}`)
      return undefined
    }
    const worlds = assignRanks(members)
    for (const worker of members) {
      worker.since ??= this.worlds
      worker.rank = worlds.get(worker.id)!.rank
    }
    this.worlds++
    this.stage.say(
      `world ${this.worlds}: ${members.length} processes on ${[...new Set(members.map(({ host }) => host))].sort().join(', ')}`,
    )
    return here.map((worker) => worlds.get(worker!.id)!)
  }

  /** For the message of a process that has waited too long. */
  missing(waiting: readonly Registered[]): string {
    const there = new Set(waiting.map(({ registration: { worker } }) => worker))
    const absent = [...this.workers.keys()].filter((id) => !there.has(id))
    return absent.length > 0 ? `processes ${absent.join(', ')}` : `enough slots (--min-np ${this.settings.minSize})`
  }

  private failed(worker: Worker, how: string, code: number): void {
    const { host, id, rank } = worker
    const what = `process ${id}${rank === undefined ? '' : ` (rank ${rank})`} on ${host} ${how}`
    this.stage.say(`${what}; ${host} gets no more processes${this.cooldown()}`)
    if (!this.firstFailure) this.firstCode = code
    this.firstFailure ??= what
    this.failedAtEnd ||= this.finishing
    this.blacklist.add(host)
  }

  private cooldown(): string {
    const { blacklistCooldown } = this.settings
    return blacklistCooldown === undefined ? '' : ` for ${blacklistCooldown} s`
  }

  /** Starts and stops what has to be, and notices where that is not enough. */
  private adapt(): void {
    if (this.over) return
    const usable = this.hosts.filter(({ name }) => !this.blacklist.has(name))
    const running = [...this.workers.values()].filter(({ leaving }) => !leaving)
    const { start, stop } = changeOf(usable, running, this.settings.maxSize)
    for (const { host, slot } of stop)
      this.dismiss(running.find((worker) => worker.host === host && worker.slot === slot)!)
    if (!this.finishing) for (const { host, slot } of start) this.launch(host, slot)
    if (this.worlds > 0 && (stop.length > 0 || (start.length > 0 && !this.finishing))) this.stage.announce()
    this.watchShortage()
  }

  private launch(host: string, slot: number): void {
    const id = String(this.started++)
    this.workers.set(id, { id, host, slot, leaving: false, process: this.stage.start(id, host) })
  }

  /** On a host that failed there is no waiting; on one that is only going, it may finish its step. */
  private dismiss(worker: Worker): void {
    worker.leaving = true
    if (this.blacklist.has(worker.host)) this.stop(worker)
    else setTimeout(() => this.stop(worker), 30_000).unref()
  }

  private stop(worker: Worker): void {
    if (!this.workers.has(worker.id)) return
    worker.process.signal('SIGTERM')
    setTimeout(() => worker.process.signal('SIGKILL'), GRACE).unref()
  }

  /** Too few processes: wait for hosts as long as it is allowed, then end. */
  private watchShortage(): void {
    const members = [...this.workers.values()].filter(({ leaving }) => !leaving)
    if (this.finishing) {
      if (this.workers.size === 0) this.finish(this.endingOf())
      return
    }
    const enough = members.length >= this.settings.minSize
    if (enough) {
      clearTimeout(this.shortage)
      this.shortage = undefined
    } else if (!this.shortage) {
      const { minSize, timeout, discoveryScript } = this.settings
      const end = () =>
        this.giveUp(
          `there were fewer than ${minSize} slots (--min-np) for ${timeout} s (--elastic-timeout)${this.because()}`,
        )
      if (!discoveryScript && this.settings.blacklistCooldown === undefined)
        this.giveUp(`fewer than ${minSize} slots (--min-np) are left${this.because()}`)
      else {
        this.shortage = setTimeout(end, timeout * 1000)
        if (this.settings.blacklistCooldown !== undefined) this.lookAgain()
      }
    }
  }

  /** A cooldown ends without anything happening. */
  private lookAgain(): void {
    const timer = setInterval(() => {
      if (this.over || !this.shortage) clearInterval(timer)
      else this.adapt()
    }, 500)
    timer.unref()
  }

  private endingOf(): Ending {
    if (this.signalled) return { code: 128 + constants.signals[this.signalled] }
    return this.failedAtEnd ? { code: this.firstCode, reason: this.firstFailure } : { code: 0 }
  }

  private because(): string {
    return this.firstFailure ? `; the first failure: ${this.firstFailure}` : ''
  }

  private giveUp(reason: string): void {
    if (this.over) return
    for (const worker of this.workers.values()) this.stop(worker)
    this.finish({ code: this.firstCode, reason })
  }

  private finish(ending: Ending): void {
    this.over = true
    clearTimeout(this.shortage)
    this.end(ending)
  }
}
