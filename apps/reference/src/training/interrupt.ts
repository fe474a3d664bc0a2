/** Whether somebody asked the training to end. */
export interface Interrupt {
  /** The signal, once one came. */
  readonly signal: NodeJS.Signals | undefined
  /** From now on the first signal is a wish, and `onFirst` hears of it. */
  grant(onFirst: () => void): void
  dispose(): void
}

const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM']

/** The exit code of a program that a signal ended, as shells have it. */
export const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** Under npx one Ctrl-C comes twice, from the terminal and passed on: what follows within this many ms is the same one. */
const sameWish = 300

/**
 * While a training starts SIGINT or SIGTERM ends the program at once, in order: a listener of `exit` runs. From `grant` on
 * the first one is a wish, to be granted between two steps, and a later one ends the program at once.
 *
 * A step blocks the event loop, and signals that came meanwhile are heard together, after timers. So a timer alone
 * would take the second of such a pair for a later one; the turn behind it does not.
 */
export function listenForInterrupt(): Interrupt {
  let first: NodeJS.Signals | undefined
  let heard: (() => void) | undefined
  let impatient = true
  const listener = (signal: NodeJS.Signals) => {
    if (impatient) return process.exit(exitCodes[signal])
    if (first) return
    first = signal
    setTimeout(() => setImmediate(() => (impatient = true)), sameWish).unref()
    heard?.()
  }
  for (const name of signals) process.on(name, listener)
  return {
    get signal() {
      return first
    },
    grant(onFirst) {
      impatient = false
      heard = onFirst
    },
    dispose() {
      for (const name of signals) process.off(name, listener)
    },
  }
}
