import type { World } from '../../world'
import type { Host } from '../hosts'
import { HostList } from './host-list'
import { byRank, type Seating, seat, type Worker, worldsOf } from './seating'
import type { Failure, Limits, Step } from './step'

/** Everything that decides who trains with whom; it knows no sockets, no processes, and only the time it is told (in seconds). */
export class Membership {
  readonly hosts: HostList
  private workers: Worker[] = []
  private count = 0
  /** The current world; −1 before the first. */
  private generation = -1
  private notified = -1
  private launched = false
  private stateSeen = false
  /** Somebody has ended well: the training is done, and the others will end too. */
  private finished = false
  /** Since the current world began. */
  private failures: { failure: Failure; member: boolean }[] = []
  private pendingSince?: number
  /** Somebody could not join the current world, so nobody has got the state in it. */
  private neverBegan = false

  constructor(private readonly limits: Limits) {
    this.hosts = new HostList(limits.cooldown)
  }

  /** All that have not ended. */
  get all(): readonly Worker[] {
    return this.workers
  }

  get worlds(): number {
    return this.generation + 1
  }

  find(id: string): Worker | undefined {
    return this.workers.find((worker) => worker.id === id)
  }

  /** Who has registered and waits for a place, all of them. */
  waitingAre(waiting: ReadonlyMap<string, { hasState: boolean; neverBegan?: boolean }>): void {
    for (const worker of this.workers) {
      const registered = waiting.get(worker.id)
      worker.waiting = registered !== undefined
      if (!registered) continue
      worker.hasState = registered.hasState
      this.stateSeen ||= registered.hasState
      this.neverBegan ||= this.isMember(worker) && registered.neverBegan === true
    }
  }

  /** Its host has answered: the time that it may take begins now. */
  started(id: string, now: number): void {
    const worker = this.find(id)
    if (worker) worker.startedAt = now
  }

  /** A process has ended. @returns whether the current world is broken by it */
  ended(id: string, now: number, failed?: Omit<Failure, 'worker'>): boolean {
    const worker = this.find(id)
    this.workers = this.workers.filter((each) => each !== worker)
    if (!worker || worker.stopping) return false
    const member = this.isMember(worker)
    if (!failed && member) {
      this.finished = true
      return false
    }
    const text = `rank ${worker.rank} on ${worker.host} ended before it took part`
    this.failures.push({ failure: { worker, text, code: 1, ...failed }, member })
    if (!this.finished) this.hosts.fail(worker.host, now)
    return member
  }

  /** No process could be started there: it is tried again later, and counts as no failure. */
  unreachable(host: string, until: number): void {
    this.workers = this.workers.filter((worker) => worker.host !== host || worker.generation >= 0 || worker.waiting)
    this.hosts.postpone(host, until)
  }

  /** What follows from all that is known. */
  next(now: number): Step {
    const lost = this.loseHanging(now)
    const step: Step = { start: [], stop: [], notify: false, lost }
    const alive = this.workers.filter(({ stopping }) => !stopping)
    if (this.finished) this.finish(step, alive, now)
    else this.train(step, alive, now)
    for (const worker of step.stop) worker.stopping = true
    step.stop.push(...lost.map(({ worker }) => worker))
    return step
  }

  /** Joiners that hang, or cannot be reached, while all others have given their world up: nothing is lost without them. */
  private loseHanging(now: number): Failure[] {
    const { startTimeout } = this.limits
    if (!this.neverBegan || !(now - (this.pendingSince ?? now) > startTimeout)) return []
    const hanging = this.workers.filter(
      (each) => this.isMember(each) && !each.waiting && !each.hasState && !each.stopping,
    )
    return hanging.map((worker) => {
      worker.stopping = true
      this.hosts.fail(worker.host, now)
      const text = `rank ${worker.rank} on ${worker.host} did not join its world, and was ended`
      const failure = { worker, text, code: 1 }
      this.failures.push({ failure, member: true })
      return failure
    })
  }

  private train(step: Step, alive: Worker[], now: number): void {
    const { start, min, max, resets = Infinity } = this.limits
    const hosts = this.hosts.states(now)
    const holds = (worker: Worker) => this.holds(worker)
    const occupied = this.workers.filter(({ stopping }) => stopping)
    const seating = seat({ alive, occupied, hosts, min, max, holds })
    this.launched ||= hosts.ready.reduce((sum, { slots }) => sum + slots, 0) >= start
    const more = this.generation < resets // a further world is allowed
    if (!this.launched || !more) seating.start = []

    const broken =
      alive.some((worker) => this.isMember(worker) && worker.waiting) || this.failures.some((f) => f.member)
    if (!broken && this.generation >= 0) this.pendingSince = undefined
    else this.pendingSince ??= now

    step.end = this.impossible(alive, hosts, seating, broken && !more, now)
    if (step.end) return
    for (const { host, slot } of seating.start)
      step.start.push(this.add(host, slot, seating.seated.length + step.start.length, now))
    const { seated } = seating
    if ((broken || this.generation < 0) && this.complete(seating, now)) {
      for (const name of seating.pardoned) this.hosts.pardon(name)
      step.place = this.form(seated.filter(({ waiting }) => waiting))
    } else {
      step.notify = !broken && more && this.wantsChange(alive, seating, now)
      if (step.notify) this.notified = this.generation
    }
    const useless = more ? alive.filter((worker) => !seated.includes(worker)) : alive // where nobody may come any more
    step.stop = useless.filter((worker) => !this.isMember(worker))
  }

  /** The training is done. Whoever has missed the end does the rest with those that have too. */
  private finish(step: Step, alive: Worker[], now: number): void {
    const members = alive.filter((worker) => this.isMember(worker))
    const late = members.filter(({ waiting }) => !waiting)
    step.stop = alive.filter((worker) => !members.includes(worker))
    if (late.length === members.length)
      this.pendingSince = undefined // nobody waits for them
    else this.pendingSince ??= now
    if (members.length === 0) {
      const failure = this.failures.find(({ member }) => member)?.failure
      step.end = { failure, reason: failure && `${failure.text}, while others had ended well` }
    } else if (late.length === 0) step.place = this.form(byRank(members))
    else if (now - (this.pendingSince ?? now) >= this.limits.timeout) step.end = { reason: this.tiredOf(late) }
  }

  private tiredOf(absent: readonly Worker[]): string {
    const names = absent.map(({ rank, host }) => `rank ${rank} on ${host}`).join(', ')
    return `waited ${this.limits.timeout} s (--elastic-timeout) for ${names || 'new processes'} to register, which did not`
  }

  /** Everybody who has to take part waits, and they are enough. Who starts is waited for before the first world only. */
  private complete({ seated, counting }: Seating, now: number): boolean {
    const absent = seated.filter(({ waiting }) => !waiting)
    const first = this.generation < 0
    if (absent.some((worker) => this.isMember(worker) || (first && !this.isLate(worker, now)))) return false
    return counting - absent.length >= this.limits.min
  }

  /** It has been started, but does not register: nobody waits for it any more. */
  private isLate({ startedAt }: Worker, now: number): boolean {
    return now - startedAt > this.limits.startTimeout
  }

  private wantsChange(alive: readonly Worker[], { seated, start, counting }: Seating, now: number): boolean {
    if (this.generation < 0 || this.notified === this.generation) return false
    if (counting + start.length < this.limits.min) return true // they wait for more
    const joiners = seated.filter((worker) => !this.isMember(worker))
    if (joiners.some((worker) => !worker.waiting && !this.isLate(worker, now))) return false // soon
    const leaving = alive.some((worker) => this.isMember(worker) && !seated.includes(worker))
    return leaving || joiners.some(({ waiting }) => waiting)
  }

  private form(members: readonly Worker[]): Map<string, World> {
    this.generation++
    this.failures = []
    this.pendingSince = undefined
    this.neverBegan = false
    const worlds = worldsOf(members)
    for (const [rank, worker] of members.entries())
      Object.assign(worker, { rank, generation: this.generation, waiting: false })
    return new Map(members.map(({ id }, rank) => [id, worlds[rank]!]))
  }

  /** Why there can be no further world, where that is so. */
  private impossible(
    alive: readonly Worker[],
    hosts: Record<'ready', readonly Host[]>,
    { seated, start, counting }: Seating,
    overLimit: boolean,
    now: number,
  ): Step['end'] {
    const { min, timeout, fixedHosts, resets } = this.limits
    const failure = (this.failures.find(({ member }) => member) ?? this.failures[0])?.failure
    const end = (reason: string): Step['end'] => ({ reason: failure ? `${failure.text}; ${reason}` : reason, failure })
    if (this.generation >= 0 && !alive.some((worker) => this.holds(worker)))
      return end('nobody is left who has the training state')
    if (overLimit) return end(`the world may change ${resets} times (--reset-limit), and has`)
    if (this.pendingSince === undefined) return undefined
    const need = this.launched ? min : this.limits.start
    const there = this.launched ? counting + start.length : hosts.ready.reduce((sum, { slots }) => sum + slots, 0)
    const few = there < need
    const gone = alive.length === 0 && hosts.ready.length === 0 && failure !== undefined
    if (few && (fixedHosts || gone) && !this.hosts.willReturn(now))
      return end(`${processes(there)} can run, expected at least ${need}, and no other host can come`)
    if (now - this.pendingSince < timeout) return undefined
    return end(
      few
        ? `waited ${timeout} s (--elastic-timeout) for slots for at least ${processes(need)}, there ${there === 1 ? 'is one' : `are ${there}`}`
        : this.tiredOf(seated.filter(({ waiting }) => !waiting)),
    )
  }

  private add(host: string, slot: number, rank: number, now: number): Worker {
    const number = this.count++
    const state = { generation: -1, waiting: false, hasState: false, stopping: false }
    const worker: Worker = { id: `${host}:${slot}:${number}`, host, slot, number, rank, startedAt: now, ...state }
    this.workers.push(worker)
    return worker
  }

  private isMember({ generation }: Worker): boolean {
    return generation >= 0 && generation === this.generation
  }

  /** While a member trains it is taken to have the state; when it registers it says. */
  private holds(worker: Worker): boolean {
    return worker.hasState || (this.isMember(worker) && (!worker.waiting || !this.stateSeen))
  }
}

const processes = (count: number) => `${count} process${count === 1 ? '' : 'es'}`
