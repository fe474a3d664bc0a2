/** Whether somebody asked the training to end. */
export interface Interrupt {
  /** The signal, once one came. */
  readonly signal: NodeJS.Signals | undefined
  dispose(): void
}

const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM']

/** The exit code of a program that a signal ended, as shells have it. */
export const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** Under npx one Ctrl-C comes twice, from the terminal and passed on: what follows within this many ms is the same one. */
const sameWish = 300

/**
 * The first SIGINT or SIGTERM is a wish, to be granted between two steps; a later one ends the program at once.
 *
 * A step blocks the event loop, and signals that came meanwhile are heard together, after timers. So a timer alone
 * would take the second of such a pair for a later one; the turn behind it does not.
 */
export function listenForInterrupt(onFirst: () => void): Interrupt {
  let first: NodeJS.Signals | undefined
  let impatient = false
  const listener = (signal: NodeJS.Signals) => {
    if (impatient) process.exit(exitCodes[signal])
    if (first) return
    first = signal
    setTimeout(() => setImmediate(() => (impatient = true)), sameWish).unref()
    onFirst()
  }
  for (const name of signals) process.on(name, listener)
  return {
    get signal() {
      return first
    },
    dispose() {
      for (const name of signals) process.off(name, listener)
    },
  }
}
