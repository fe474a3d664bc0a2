import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Host } from '../hosts'

/** Seconds between two answers, as in Horovod. */
const EVERY = 1
/** A script that takes longer is ended. */
const LONGEST = 30

export interface DiscoveryOptions {
  /** A file or a shell command. */
  script: string
  /** Of hosts for which it gives none. */
  slotsPerHost?: number
  /** With the first answer, and each that differs from the one before. */
  onChange(hosts: Host[]): void
  warn(line: string): void
}

/** Asks a script every second which hosts there are. Where it fails, its last answer stays. */
export class Discovery {
  private last?: string
  private warned?: string
  private timer?: NodeJS.Timeout
  private child?: ChildProcess
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
    this.kill()
  }

  private async ask(): Promise<void> {
    const { script, slotsPerHost, onChange, warn } = this.options
    try {
      const hosts = parseDiscovered(await this.run(), slotsPerHost)
      this.warned = undefined
      const answer = JSON.stringify(hosts)
      if (answer === this.last || this.stopped) return
      this.last = answer
      onChange(hosts)
    } catch (error) {
      const { message } = error as Error
      if (message === this.warned || this.stopped) return // once for each reason
      this.warned = message
      warn(`--host-discovery-script ${script}: ${message}; the hosts stay as they are, and it is asked again`)
    }
  }

  private async run(): Promise<string> {
    const child = spawn('/bin/sh', ['-c', this.options.script], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    this.child = child
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text
      })
    let slow = false
    const timer = setTimeout(() => {
      slow = true
      this.kill()
    }, LONGEST * 1000)
    try {
      return await new Promise((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code, signal) => {
          const last = said.stderr.trim().split('\n').at(-1)
          const how = slow ? `it did not end within ${LONGEST} s` : `it ended with ${signal ?? `code ${code}`}`
          if (code === 0) resolve(said.stdout)
          else reject(new Error(last ? `${how} (${last})` : how))
        })
      })
    } finally {
      clearTimeout(timer)
      this.child = undefined
    }
  }

  /** The script, and what it started. */
  private kill(): void {
    try {
      if (this.child?.pid) process.kill(-this.child.pid, constants.signals.SIGKILL)
    } catch {
      // it has ended
    }
  }
}

/**
 * What a discovery script printed: a line `host:slots`, or `host`, for each host there is. A host with 0 slots is none.
 * @throws where a line is something else, naming it
 */
export function parseDiscovered(text: string, slotsPerHost?: number): Host[] {
  const hosts = new Map<string, number>()
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (!line) continue
    const [, name, number] = /^(\S+?)(?::(\d+))?$/.exec(line) ?? []
    if (!name) throw new Error(`got the line "${line}", expected host:slots`)
    const slots = number === undefined ? slotsPerHost : Number(number)
    if (slots === undefined)
      throw new Error(`got the line "${line}" without slots, expected host:slots, or the option --slots-per-host`)
    if (slots > 0) hosts.set(name, slots)
  }
  return [...hosts].map(([name, slots]) => ({ name, slots }))
}
