import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * A trace that chrome://tracing and Perfetto show: one lane for each operation, with the time until all ranks had
 * submitted it, then what was done. Written as it happens: a crash leaves a file that still opens.
 * Format: Trace Event Format (JSON array; its closing bracket is optional).
 */
export class Timeline {
  private readonly file: number
  private readonly lanes = new Map<string, number>()
  private readonly open = new Map<string, string[]>()
  private readonly origin = performance.now()
  private first = true

  /** @throws where the file cannot be written */
  constructor(path: string) {
    try {
      this.file = openSync(path, 'w')
    } catch (error) {
      throw new Error(
        `HOROVOD_TIMELINE: cannot write ${path} (${(error as NodeJS.ErrnoException).code}); choose another file`,
      )
    }
    writeSync(this.file, '[\n')
  }

  /** A rank has submitted an operation. The first one begins its negotiation. */
  submitted(name: string, kind: string, rank: number): void {
    const phase = `NEGOTIATE_${kind.toUpperCase()}`
    if (!this.open.get(name)?.includes(phase)) this.begin(name, phase)
    this.event(name, { ph: 'X', name: String(rank), dur: 0 })
  }

  /** All ranks have. */
  negotiated(name: string): void {
    if (this.open.get(name)?.at(-1)?.startsWith('NEGOTIATE_')) {
      const kind = this.open.get(name)!.at(-1)!.slice('NEGOTIATE_'.length)
      this.end(name)
      this.begin(name, kind)
    }
  }

  begin(name: string, activity: string): void {
    this.open.set(name, [...(this.open.get(name) ?? []), activity])
    this.event(name, { ph: 'B', name: activity })
  }

  end(name: string): void {
    const activity = this.open.get(name)?.pop()
    if (activity) this.event(name, { ph: 'E', name: activity })
  }

  /** Everything that is open of an operation ends. */
  finished(name: string): void {
    while (this.open.get(name)?.length) this.end(name)
    this.open.delete(name)
  }

  /** Work of the main thread, in milliseconds of `performance.timeOrigin` + `performance.now()`. */
  span(lane: string, name: string, start: number, end: number): void {
    const ts = (start - performance.timeOrigin - this.origin) * 1000
    this.event(lane, { ph: 'X', name, ts, dur: (end - start) * 1000 })
  }

  close(): void {
    for (const name of [...this.open.keys()]) this.finished(name)
    writeSync(this.file, '\n]\n')
    closeSync(this.file)
  }

  private event(lane: string, event: Record<string, unknown>): void {
    const tid = this.lane(lane)
    this.write({ pid: 0, tid, ts: (performance.now() - this.origin) * 1000, ...event })
  }

  private lane(name: string): number {
    const known = this.lanes.get(name)
    if (known !== undefined) return known
    const tid = this.lanes.size + 1
    this.lanes.set(name, tid)
    this.write({ pid: 0, tid, ph: 'M', name: 'thread_name', args: { name } })
    return tid
  }

  private write(event: Record<string, unknown>): void {
    writeSync(this.file, `${this.first ? '' : ',\n'}${JSON.stringify(event)}`)
    this.first = false
  }
}
