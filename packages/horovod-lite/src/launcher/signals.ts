/** By which a program is told to end. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Under npx one Ctrl-C comes twice, from the terminal and passed on: what follows within this many ms is the same one. */
const SAME_WISH = 300

/**
 * What hvdrun is told to end by goes to `pass` while `run` runs; `again` where something was told before.
 *
 * Signals that come while the event loop is busy are heard together, after timers: so the turn behind the timer counts.
 */
export async function withSignals<T>(
  pass: (signal: NodeJS.Signals, again: boolean) => void,
  run: () => Promise<T>,
): Promise<T> {
  let again = false
  let deaf = false
  const listener = (signal: NodeJS.Signals) => {
    if (deaf) return
    deaf = true
    setTimeout(() => setImmediate(() => (deaf = false)), SAME_WISH).unref()
    pass(signal, again)
    again = true
  }
  for (const signal of SIGNALS) process.on(signal, listener)
  try {
    return await run()
  } finally {
    for (const signal of SIGNALS) process.off(signal, listener)
  }
}
