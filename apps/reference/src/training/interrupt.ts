/** Whether somebody asked the training to end. */
export interface Interrupt {
  /** The signal, once one came. */
  readonly signal: NodeJS.Signals | undefined
  dispose(): void
}

const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM']

/** The exit code of a program that a signal ended, as shells have it. */
export const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** The first SIGINT or SIGTERM is a wish, to be granted between two steps; the second ends the program at once. */
export function listenForInterrupt(onFirst: () => void): Interrupt {
  let signal: NodeJS.Signals | undefined
  const listener = (got: NodeJS.Signals) => {
    if (signal) process.exit(exitCodes[got])
    signal = got
    onFirst()
  }
  for (const name of signals) process.on(name, listener)
  return {
    get signal() {
      return signal
    },
    dispose() {
      for (const name of signals) process.off(name, listener)
    },
  }
}
