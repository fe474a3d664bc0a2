import type { Negotiation, Stall } from '../negotiation/negotiation'
import type { Environment } from '../world'
import { secondsOf } from './settings'
import { warn } from './warn'

/** Warns of operations that some ranks wait for while others do not submit them, and ends the job if that lasts. */
export class StallInspector {
  private readonly timer?: NodeJS.Timeout
  private readonly told = new Map<string, number>()

  constructor(
    private readonly negotiation: Negotiation,
    environment: Environment,
    private readonly abort: (reason: string) => void,
  ) {
    if (environment.HOROVOD_STALL_CHECK_DISABLE === '1') return
    const warnAfter = secondsOf(environment, 'HOROVOD_STALL_CHECK_TIME_SECONDS', 60)
    const endAfter = secondsOf(environment, 'HOROVOD_STALL_SHUTDOWN_TIME_SECONDS', 0)
    const shortest = Math.min(warnAfter, endAfter || warnAfter)
    this.timer = setInterval(() => this.look(warnAfter, endAfter), Math.min(1000, Math.max(20, shortest * 250)))
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private look(warnAfter: number, endAfter: number): void {
    const stalls = this.negotiation.stalls(warnAfter)
    const fresh = stalls.filter(({ name, seconds }) => seconds >= (this.told.get(name) ?? 0) + warnAfter)
    for (const { name, seconds } of fresh) this.told.set(name, seconds)
    for (const name of this.told.keys()) if (!stalls.some((stall) => stall.name === name)) this.told.delete(name)
    if (fresh.length > 0)
      warn(
        `horovod-lite: some ranks have waited for more than ${warnAfter} s for others; a rank may have fewer batches (call join()), or other calls. ${describe(fresh)}`,
      )
    const ended = endAfter > 0 ? this.negotiation.stalls(endAfter) : []
    if (ended.length > 0)
      this.abort(`some ranks waited for more than ${endAfter} s (stall shutdown time). ${describe(ended)}`)
  }
}

/** What each missing rank is missing. */
function describe(stalls: readonly Stall[]): string {
  const missing = [...new Set(stalls.flatMap(({ missing }) => missing))].sort((a, b) => a - b)
  return missing
    .map((rank) => {
      const names = stalls.filter((stall) => stall.missing.includes(rank)).map(({ kind, name }) => `${kind} ${name}`)
      return `Missing on rank ${rank}: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}.`
    })
    .join(' ')
}
