import { Lanes, titleOf } from './lanes'
import { TraceFile } from './trace-file'

/** A submitted operation, as far as the trace shows it. */
export interface Shown {
  name: string
  kind: string
  bytes: number
  entries: readonly { dtype: string; shape: readonly number[] }[]
}

export interface TimelineOptions {
  /** Whether each of the coordinator's decisions is marked. Default no. */
  marksCycles?: boolean
  /** Told once, if writing fails later. */
  warn(line: string): void
}

const QUEUE = 'QUEUE'

/** Milliseconds. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

/**
 * A trace that chrome://tracing and Perfetto show. Each operation has a lane of its name (or shares one: `Lanes`):
 *
 *     NEGOTIATE_ALLREDUCE until all ranks have submitted it, with a mark for each rank
 *     ALLREDUCE           from then to its end, and in it
 *       QUEUE             others run first
 *       MEMCPY_IN_FUSION_BUFFER, TCP_ALLREDUCE, MEMCPY_OUT_FUSION_BUFFER, …
 *
 * Names are Horovod's. Format: Trace Event Format, times in microseconds since `start_time_since_epoch_in_micros`.
 */
export class Timeline {
  private readonly file: TraceFile
  private readonly lanes = new Lanes((tid, name) => {
    this.metadata('thread_name', tid, { name })
    this.metadata('thread_sort_index', tid, { sort_index: tid })
  })
  /** Of each operation, what has begun and not ended. */
  private readonly open = new Map<string, string[]>()
  private readonly origin = now()

  /** @throws where the file cannot be written */
  constructor(
    path: string,
    private readonly options: TimelineOptions,
  ) {
    const lost = (reason: string) =>
      options.warn(`HOROVOD_TIMELINE: cannot write ${path} any more (${reason}); training goes on`)
    try {
      this.file = new TraceFile(path, lost)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new Error(`HOROVOD_TIMELINE: cannot write ${path} (${code}); choose another file`)
    }
    this.metadata('process_name', 0, { name: 'horovod', start_time_since_epoch_in_micros: Date.now() * 1000 })
  }

  /** A rank has submitted an operation. The first one begins its negotiation. */
  submitted(rank: number, { name, kind, bytes, entries }: Shown): void {
    if (!this.open.has(name)) {
      const [entry] = entries
      const what = entries.length === 1 ? { dtype: entry!.dtype, shape: entry!.shape } : { tensors: entries.length }
      this.begin(name, `NEGOTIATE_${kind.toUpperCase()}`, { ...(titleOf(name) !== name && { name }), bytes, ...what })
    }
    this.event(name, { ph: 'X', name: String(rank), dur: 0 })
  }

  /** All ranks have. It waits in the queue until something begins. */
  negotiated(name: string, kind: string): void {
    this.finished(name)
    this.begin(name, kind.toUpperCase())
    this.begin(name, QUEUE)
  }

  begin(name: string, activity: string, args?: object): void {
    if (this.open.get(name)?.at(-1) === QUEUE) this.end(name)
    this.open.set(name, [...(this.open.get(name) ?? []), activity])
    this.event(name, { ph: 'B', name: activity, args })
  }

  end(name: string): void {
    const activity = this.open.get(name)?.pop()
    if (activity) this.event(name, { ph: 'E', name: activity })
  }

  /** Everything that is open of an operation ends. */
  finished(name: string): void {
    while (this.open.get(name)?.length) this.end(name)
    this.open.delete(name)
    this.lanes.finished(name)
  }

  /** Work of the main thread. Times in milliseconds of `process.hrtime`, the one clock of all threads. */
  span(lane: string, name: string, start: number, end: number): void {
    this.event(lane, { ph: 'X', name, ts: (start - this.origin) * 1000, dur: (end - start) * 1000 })
  }

  /** The coordinator has decided: a line over all lanes, where it is wanted. */
  cycle(): void {
    if (this.options.marksCycles)
      this.file.add({ ph: 'i', s: 'g', pid: 0, tid: 0, ts: (now() - this.origin) * 1000, name: 'CYCLE_START' })
  }

  close(): void {
    for (const name of [...this.open.keys()]) this.finished(name)
    this.file.close()
  }

  private event(lane: string, event: object): void {
    this.file.add({ pid: 0, tid: this.lanes.of(lane), ts: (now() - this.origin) * 1000, ...event })
  }

  private metadata(name: string, tid: number, args: object): void {
    this.file.add({ ph: 'M', pid: 0, tid, name, args })
  }
}
