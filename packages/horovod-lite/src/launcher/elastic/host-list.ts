import type { Host } from '../hosts'

/** No host is kept out for longer, in seconds. */
const LONGEST_COOLDOWN = 3600

/** The hosts that were found, the oldest first, and which of them are kept out since they failed. Times in seconds. */
export class HostList {
  private hosts: Host[] = []
  /** Until when; Infinity: for good. `pardoned`: what runs there may stay, though nothing new starts. */
  private readonly out = new Map<string, { until: number; pardoned: boolean }>()
  private readonly failures = new Map<string, number>()

  /** @param cooldown seconds until a host that failed may be tried again, doubled with each failure; undefined: never */
  constructor(private readonly cooldown?: number) {}

  /** What the discovery found. Those that were known keep their order, so that the oldest have the lowest ranks. */
  update(found: readonly Host[]): void {
    const slots = new Map(found.map((host) => [host.name, host.slots]))
    const known = this.hosts.filter(({ name }) => slots.has(name))
    const names = new Set(known.map(({ name }) => name))
    const added = found.filter(({ name }) => !names.has(name))
    this.hosts = [...known.map(({ name }) => ({ name, slots: slots.get(name)! })), ...added]
  }

  /** A process there has failed: nothing is started there until the cooldown is over. */
  fail(name: string, now: number): void {
    const out = this.out.get(name)
    if (out && out.until > now && !out.pardoned) return // the same failure took several of its processes
    const failures = this.failures.get(name) ?? 0
    this.failures.set(name, failures + 1)
    const pause = this.cooldown === undefined ? Infinity : Math.min(this.cooldown * 2 ** failures, LONGEST_COOLDOWN)
    this.out.set(name, { until: now + pause, pardoned: false })
  }

  /** It cannot be reached, which counts as no failure: it is tried again after a pause. */
  postpone(name: string, until: number): void {
    if (!this.out.has(name)) this.out.set(name, { until, pardoned: false })
  }

  /** What runs on a host that failed may go on. */
  pardon(name: string): void {
    const out = this.out.get(name)
    if (out) out.pardoned = true
  }

  /** Where processes may be started (`ready`), may only stay (`pardoned`), and may not stay (`failed`). */
  states(now: number): Record<'ready' | 'pardoned' | 'failed', Host[]> {
    for (const [name, { until, pardoned }] of this.out)
      if (until <= now) {
        this.out.delete(name)
        const back = this.hosts.filter((host) => host.name === name)
        if (!pardoned) this.hosts = [...this.hosts.filter((host) => host.name !== name), ...back] // it comes back as the youngest
      }
    const stateOf = ({ name }: Host) => {
      const out = this.out.get(name)
      return !out ? 'ready' : out.pardoned ? 'pardoned' : 'failed'
    }
    const of = (state: string) => this.hosts.filter((host) => stateOf(host) === state)
    return { ready: of('ready'), pardoned: of('pardoned'), failed: of('failed') }
  }

  /** Whether a host that is kept out will come back by itself. */
  willReturn(now: number): boolean {
    return this.hosts.some(({ name }) => {
      const until = this.out.get(name)?.until ?? 0
      return until > now && until < Infinity
    })
  }
}
