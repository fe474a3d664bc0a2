import type { Writable } from 'node:stream'
import { STREAMS, type Stream } from './protocol'

/** Bytes that may wait to be read by whoever reads hvdrun's output, or to be written to a file. */
const MOST = 1024 * 1024

type Listener = (stream: Stream, held: boolean) => void

/** Where what ranks say piles up here, they wait: so output that nobody reads is not kept in memory. */
class Flow {
  private readonly behind: Record<Stream, Set<Writable>> = { stdout: new Set(), stderr: new Set() }
  private readonly listeners = new Set<Listener>()

  /** Something of ranks' `stream` has gone there. */
  wrote(stream: Stream, sink: Writable): void {
    const behind = this.behind[stream]
    if (sink.writableLength < MOST || behind.has(sink)) return
    const caughtUp = () => {
      sink.off('drain', caughtUp).off('close', caughtUp)
      behind.delete(sink)
      if (behind.size === 0) this.tell(stream, false)
    }
    sink.on('drain', caughtUp).on('close', caughtUp)
    behind.add(sink)
    if (behind.size === 1) this.tell(stream, true)
  }

  /** @param listener is told whether a stream is held, now and whenever that changes @returns ends it */
  listen(listener: Listener): () => void {
    for (const stream of STREAMS) if (this.behind[stream].size > 0) listener(stream, true)
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private tell(stream: Stream, held: boolean): void {
    for (const listener of this.listeners) listener(stream, held)
  }
}

export const flow = new Flow()
