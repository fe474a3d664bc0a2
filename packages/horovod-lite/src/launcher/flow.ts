import type { Readable, Writable } from 'node:stream'

/** Bytes that may wait to be read by whoever reads hvdrun's output. */
const MOST = 1024 * 1024

/** Reads no more from `source` until `sink` has caught up, so that output which nobody reads is not kept in memory. */
export function holdWhileBehind(sink: Writable, source: Readable): void {
  if (sink.writableLength < MOST || source.isPaused()) return
  source.pause()
  sink.setMaxListeners(0) // each host's agent may wait
  sink.once('drain', () => source.resume())
}
