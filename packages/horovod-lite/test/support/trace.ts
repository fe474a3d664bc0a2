import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TraceEvent {
  ph: string
  name: string
  tid: number
  ts: number
  dur?: number
  args?: Record<string, unknown>
}

/** Where a trace may be written. */
export const newPath = (): string => join(mkdtempSync(join(tmpdir(), 'timeline-')), 'trace.json')

export const eventsOf = (path: string): TraceEvent[] => JSON.parse(readFileSync(path, 'utf8'))

/** The events of the lanes with a name. */
export function laneOf(events: TraceEvent[], lane: string): TraceEvent[] {
  const named = events.filter(({ name, args }) => name === 'thread_name' && args!.name === lane).map(({ tid }) => tid)
  return events.filter(({ ph, tid }) => ph !== 'M' && named.includes(tid))
}
