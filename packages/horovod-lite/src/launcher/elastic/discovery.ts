import { Child } from '../child'
import { distinct, type Host, parseHost } from '../hosts'

/** Seconds between two answers, as in Horovod. */
const EVERY = 1
/** Seconds after which a script is ended. */
const LONGEST = 30

export interface DiscoveryOptions {
  /** A file or a shell command. */
  script: string
  /** Of hosts for which it gives none. */
  slotsPerHost?: number
  /** Seconds that the script may take. Default 30. */
  longest?: number
  /** With the first answer, and each that differs from the one before. */
  onChange(hosts: Host[]): void
  warn(line: string): void
}

/**
 * Asks a script every second which hosts there are. Where it fails, its last answer stays; a host, or a slot, is gone when
 * two answers in a row are without it.
 */
export class Discovery {
  private answer?: Host[]
  private told?: string
  private warned?: string
  private timer?: NodeJS.Timeout
  private child?: Child
  private stopped = false

  constructor(private readonly options: DiscoveryOptions) {}

  start(): void {
    void this.ask().finally(() => {
      if (!this.stopped) this.timer = setTimeout(() => this.start(), EVERY * 1000)
    })
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    this.child?.signal('SIGKILL')
  }

  private async ask(): Promise<void> {
    const { script, slotsPerHost, onChange, warn } = this.options
    try {
      const answer = parseDiscovered(await this.run(), slotsPerHost)
      if (this.stopped) return
      this.warned = undefined
      const hosts = steady(this.answer ?? [], answer)
      this.answer = answer
      const text = hosts.map(({ name, slots }) => `${name}:${slots}`).sort()
      if (`${text}` === this.told) return
      this.told = `${text}`
      onChange(hosts)
    } catch (error) {
      const { message } = error as Error
      if (message === this.warned || this.stopped) return // once for each reason
      this.warned = message
      warn(`--host-discovery-script ${script}: ${message}; the hosts stay as they are, and it is asked again`)
    }
  }

  private run(): Promise<string> {
    const { script, longest = LONGEST } = this.options
    return new Promise((resolve, reject) => {
      const said: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
      const textOf = (stream: 'stdout' | 'stderr') => Buffer.concat(said[stream]).toString('utf8')
      let how = ''
      const child = new Child(
        { command: ['/bin/sh', '-c', script], folder: process.cwd(), environment: process.env },
        {
          onOutput: (stream, bytes) => said[stream].push(bytes),
          onExit: (code, signal) => {
            if (code !== 0) how ||= `it ended with ${signal ?? `code ${code}`}`
          },
          onClose: () => {
            clearTimeout(timer)
            this.child = undefined
            const last = textOf('stderr').trim().split('\n').at(-1)
            if (how) reject(new Error(last ? `${how} (${last})` : how))
            else resolve(textOf('stdout'))
          },
          onProblem: (problem) => {
            clearTimeout(timer)
            reject(new Error(problem))
          },
        },
      )
      const timer = setTimeout(() => {
        how = `it did not end within ${longest} s`
        child.signal('SIGKILL')
      }, longest * 1000)
      this.child = child
    })
  }
}

/** What is in the newest answer, and what was in the one before: a list that is empty for a moment disturbs nobody. */
function steady(before: readonly Host[], now: readonly Host[]): Host[] {
  const earlier = new Map(before.map(({ name, slots }) => [name, slots]))
  const here = now.map(({ name, slots }) => ({ name, slots: Math.max(slots, earlier.get(name) ?? 0) }))
  const missing = before.filter(({ name }) => now.every((host) => host.name !== name))
  return [...here, ...missing]
}

/**
 * What a discovery script printed: a line `host:slots`, or `host`, for each host there is. A host with 0 slots is none.
 * @throws where a line is something else, naming it, or a host is there twice
 */
export function parseDiscovered(text: string, slotsPerHost?: number): Host[] {
  const lines = text.split('\n').map((line) => line.trim())
  const hosts = lines.filter(Boolean).map((line) => {
    const host = parseHost(line)
    if (!host) throw new Error(`got the line "${line}", expected host:slots`)
    const { name, slots = slotsPerHost } = host
    if (slots === undefined)
      throw new Error(`got the line "${line}" without slots, expected host:slots, or the option --slots-per-host`)
    return { name, slots }
  })
  return distinct(hosts, 'its answer').filter(({ slots }) => slots > 0)
}
