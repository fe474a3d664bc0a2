import { execFile } from 'node:child_process'
import { type Host, parseHosts } from '../hosts'

/** Seconds between two looks, as in Horovod. */
const EVERY = 1
/** A script that takes longer is ended. */
const LONGEST = 30

export interface DiscoveryOptions {
  script: string
  /** Of hosts for which it gives none. */
  slotsPerHost?: number
  onChange(hosts: Host[]): void
  warn(line: string): void
}

/** Asks a script, again and again, which hosts there are. Where it fails, its last answer stays. */
export class Discovery {
  private hosts: Host[] = []
  private timer?: NodeJS.Timeout
  private stopped = false
  private warned = ''

  constructor(private readonly options: DiscoveryOptions) {}

  /** Resolves after the first answer. */
  async start(): Promise<void> {
    await this.look()
    if (!this.stopped) this.timer = setTimeout(() => void this.start(), EVERY * 1000)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private async look(): Promise<void> {
    const hosts = await this.ask()
    if (!hosts || this.stopped || JSON.stringify(hosts) === JSON.stringify(this.hosts)) return
    this.hosts = hosts
    this.options.onChange(hosts)
  }

  /** undefined where the script fails; that is told once for each reason. */
  private ask(): Promise<Host[] | undefined> {
    const { script, slotsPerHost, warn } = this.options
    return new Promise((resolve) =>
      execFile('/bin/sh', ['-c', script], { timeout: LONGEST * 1000 }, (error, stdout, stderr) => {
        const failed = (reason: string) => {
          if (reason !== this.warned) warn(`--host-discovery-script ${script} ${reason}; the hosts stay as they are`)
          this.warned = reason
          resolve(undefined)
        }
        if (error) return failed(`failed (${stderr.trim().split('\n').at(-1) || error.message.split('\n')[0]})`)
        try {
          resolve(parseDiscovered(stdout, slotsPerHost))
          this.warned = ''
        } catch (wrong) {
          failed(`gave what cannot be understood: ${(wrong as Error).message}`)
        }
      }),
    )
  }
}

/** A line `host:slots`, or `host`, for each host. @throws where a line is something else */
export function parseDiscovered(text: string, slotsPerHost = 1): Host[] {
  const lines = text.split('\n').map((line) => line.trim())
  const entries = lines.filter(Boolean).map((line) => (/:\d+$/.test(line) ? line : `${line}:${slotsPerHost}`))
  return entries.length === 0 ? [] : parseHosts(entries.join(',')).sort((a, b) => (a.name < b.name ? -1 : 1))
}
