import { Membership } from '../../src/launcher/elastic/membership'
import type { Worker } from '../../src/launcher/elastic/seating'
import type { Limits, Step } from '../../src/launcher/elastic/step'
import type { Host } from '../../src/launcher/hosts'
import type { World } from '../../src/world'

interface Process {
  worker: Worker
  /** `trains`: it is in the current world, or thinks so. */
  does: 'starts' | 'waits' | 'trains' | 'hangs' | 'ends'
  hasState: boolean
  /** Its last world has broken before it had begun. */
  neverBegan?: boolean
}

/** A cluster around `Membership`: processes that start, register, train, commit and die. */
export class Simulation {
  readonly limits: Limits
  private readonly membership: Membership
  private readonly running = new Map<string, Process>()
  private now = 0
  private broken = false
  /** A member hangs, so that nobody can join the current world. */
  private neverBegan = false
  private members: Process[] = []
  /** A step was made: from then on the state is worth something. */
  private trained = false
  places: World[] = []
  /** How often those who train were told of other hosts. */
  notified = 0
  private interrupted = false
  private nextHangs = false
  worlds = 0
  /** What was said of those that did not come back. */
  readonly lost: string[] = []
  end: Step['end']

  constructor(limits: Partial<Limits> = {}) {
    const unlimited = { start: 1, min: 1, max: 100, timeout: 600, startTimeout: 30, fixedHosts: false }
    this.limits = { ...unlimited, ...limits }
    this.membership = new Membership(this.limits)
  }

  /** Who trains, by rank: the host, and the number on it. */
  get world(): string[] {
    return this.members.map(({ worker }) => nameOf(worker))
  }

  get processes(): string[] {
    return [...this.running.values()].map(({ worker }) => nameOf(worker)).sort()
  }

  found(hosts: Host[]): void {
    this.membership.hosts.update(hosts)
    this.next()
  }

  kill(name: string): void {
    this.exit(this.named(name), true)
  }

  killOne(which: number): void {
    const all = [...this.running.values()].filter(({ does }) => does !== 'ends')
    const process = all[which % all.length]
    if (process) this.exit(process, true)
  }

  /** The next that comes to those who have trained hangs when it has got its place: nobody can join that world. */
  hangNext(): void {
    this.nextHangs = true
  }

  /** Its host has answered now. */
  started(name: string): void {
    this.membership.started(this.named(name).worker.id, this.now)
  }

  /** Its host cannot be reached for so many seconds. */
  unreachable(host: string, seconds: number): void {
    for (const [id, { worker, does }] of this.running)
      if (worker.host === host && does === 'starts') this.running.delete(id)
    this.membership.unreachable(host, this.now + seconds)
    this.next()
  }

  /** Who runs, and does not train in the current world. */
  get idle(): string[] {
    const all = [...this.running.values()]
    return all
      .filter((each) => each.does !== 'trains' || !this.members.includes(each))
      .map(({ worker }) => nameOf(worker))
  }

  finish(name: string): void {
    this.exit(this.named(name), false)
  }

  register(name: string, neverBegan = false): void {
    Object.assign(this.named(name), { does: 'waits', neverBegan })
    this.next()
  }

  wait(seconds: number): void {
    this.now += seconds
    this.next()
  }

  /** The next thing that happens by itself. @returns whether there was one */
  step({ commits = true, ends = true, choose = 0 } = {}): boolean {
    const can = this.possible(commits, ends)
    can[choose % can.length]?.()
    return can.length > 0
  }

  /** Until nothing happens any more; then time goes by. */
  settle({ commits = true, ends = true, patience = 0 } = {}): void {
    const settle = () => {
      let steps = 0
      do {
        this.next()
        if (steps++ > 2000) throw new Error(`no end: ${this.world} of ${this.processes} in world ${this.worlds}`)
      } while (this.step({ commits, ends }))
    }
    settle()
    if (patience > 0) this.wait(patience)
    settle()
  }

  next(): void {
    if (this.end) return
    const waiting = [...this.running.values()].filter(({ does }) => does === 'waits')
    this.membership.waitingAre(
      new Map(waiting.map(({ worker, hasState, neverBegan }) => [worker.id, { hasState, neverBegan }])),
    )
    this.do(this.membership.next(this.now))
  }

  private possible(commits: boolean, ends: boolean): (() => void)[] {
    const all = [...this.running.values()]
    const register = (process: Process) => () => {
      process.does = 'waits'
      this.next()
    }
    return all.flatMap((process) => {
      if (process.does === 'ends') return ends ? [() => this.exit(process, false)] : []
      if (process.does === 'starts') return [register(process)]
      if (process.does !== 'trains') return []
      if (this.neverBegan)
        return [
          () => {
            process.neverBegan = true
            register(process)()
          },
        ]
      const sync = () => {
        process.hasState = true
        this.trained ||= this.members.every(({ hasState }) => hasState)
      }
      if (this.broken) return process.hasState ? [register(process)] : [register(process), sync]
      if (!process.hasState) return [sync]
      if (commits && this.interrupted) return [register(process)]
      return []
    })
  }

  private do(step: Step): void {
    this.check(step)
    for (const worker of step.start) this.running.set(worker.id, { worker, does: 'starts', hasState: false })
    for (const { id } of step.stop) this.running.get(id)!.does = 'ends'
    if (step.notify) {
      this.notified++
      this.interrupted = true
    }
    if (step.place) this.form(step.place)
    this.end = step.end
    this.lost.push(...step.lost.map(({ text }) => text))
  }

  private form(place: Map<string, World>): void {
    const members = [...place].sort(([, a], [, b]) => a.rank - b.rank)
    this.members = members.map(([id]) => this.running.get(id)!)
    this.places = members.map(([, world]) => world)
    for (const member of this.members) Object.assign(member, { does: 'trains', neverBegan: false })
    this.broken = false
    const joiner = this.trained && this.nextHangs ? this.members.find(({ hasState }) => !hasState) : undefined
    this.neverBegan = joiner !== undefined
    if (joiner) {
      joiner.does = 'hangs'
      this.nextHangs = false
    }
    this.interrupted = false
    this.worlds++
  }

  private exit(process: Process, failed: boolean): void {
    const { worker } = process
    this.running.delete(worker.id)
    const failure = failed ? { text: `rank ${worker.rank} on ${worker.host} failed`, code: 7 } : undefined
    if (this.membership.ended(worker.id, this.now, failure)) this.broken = true
    this.next()
  }

  private named(name: string): Process {
    return [...this.running.values()].find(({ worker }) => nameOf(worker) === name)!
  }

  /** What must hold of each decision. */
  private check({ start, stop, place }: Step): void {
    const complain = (what: string) => {
      throw new Error(`${what}: ${JSON.stringify({ start, stop, place: place && [...place] })}`)
    }
    for (const { id } of stop) if (!this.running.has(id)) complain(`${id} is told to end, and has`)
    if (!place) return
    const worlds = [...place.values()]
    const ranks = worlds.map(({ rank }) => rank).sort((a, b) => a - b)
    if (ranks.some((rank, i) => rank !== i) || worlds.some(({ size }) => size !== place.size)) complain('ranks')
    if (place.size > this.limits.max) complain('too many')
    const members = [...place.keys()].map((id) => this.running.get(id))
    if (members.some((member) => member?.does !== 'waits')) complain('a member does not wait')
    if (new Set(members.map((member) => nameOf(member!.worker))).size < members.length) complain('a slot is used twice')
    const [first] = [...place].find(([, { rank }]) => rank === 0)!
    if (this.trained && !this.running.get(first)!.hasState) complain('rank 0 has no state')
  }
}

const nameOf = ({ host, slot }: Worker) => `${host}${slot}`

export const hosts = (text: string) =>
  text
    .split(' ')
    .filter(Boolean)
    .map((each) => ({ name: each.split(':')[0]!, slots: Number(each.split(':')[1]) }))

export function simulation(found: string, limits: ConstructorParameters<typeof Simulation>[0] = {}) {
  const all = new Simulation(limits)
  all.found(hosts(found))
  all.settle()
  return all
}
