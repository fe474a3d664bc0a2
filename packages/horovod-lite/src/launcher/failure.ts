import { constants } from 'node:os'
import type { Exit } from './agents'
import type { Place } from './hosts'
import type { RankOutput } from './output'

/** A rank that has ended, and not well. */
export interface Failed {
  place: Pick<Place, 'rank' | 'host'>
  exit: Exit
  output: RankOutput
}

/** What ranks say that have lost another one (background/control.ts and the transports). */
const LOST = /\b(?:lost rank (\d+) \(|rank (\d+) \([^()]*\) has died)/

/** Whether it followed from the end of another. */
export const hasLost = ({ lastLines }: Pick<RankOutput, 'lastLines'>): boolean => LOST.test(lastLines.join('\n'))

/** Whether a signal that was passed on has ended it, or it says so as a shell does. */
export const obeyed = (exit: Exit, signal: NodeJS.Signals): boolean => codeOf(exit) === codeAfter(signal)

/**
 * The failure from which the others follow. Ranks that lose a peer fail too, and on another host they may be heard of
 * first; their last lines name whom they have lost.
 * @param failures in the order in which they were heard of; at least one
 */
export function causeOf(failures: readonly Failed[]): Failed {
  let cause = failures[0]!
  const seen = new Set<Failed>()
  while (!seen.has(cause)) {
    seen.add(cause)
    const [, a, b] = LOST.exec(cause.output.lastLines.join('\n')) ?? []
    const lost = failures.find(({ place, exit }) => String(place.rank) === (a ?? b) && exit.signal !== 'SIGTERM')
    if (lost) cause = lost
  }
  return cause
}

export function howItFailed({ rank, host }: Failed['place'], { code, signal, problem }: Exit): string {
  const how = signal ? `was killed by ${signal}` : `exited with code ${code}`
  return `rank ${rank} on ${host} ${problem ?? how}`
}

/** As a shell gives it: 128 and the signal's number where there was one. */
export const codeOf = ({ code, signal }: Exit): number => code ?? codeAfter(signal!)
export const codeAfter = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

export function lastLinesOf({ lastLines }: Pick<RankOutput, 'lastLines'>): string {
  return lastLines.length > 0 ? `its last lines:\n${lastLines.map((line) => `  ${line}\n`).join('')}` : ''
}
