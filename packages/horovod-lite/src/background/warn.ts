import { writeSync } from 'node:fs'

/** A line on stderr, now: `process.stderr` of a thread waits for the main thread, which may be blocked. */
export function warn(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // closed, or full
  }
}
