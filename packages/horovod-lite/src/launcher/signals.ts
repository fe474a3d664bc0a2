const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What hvdrun is told to end by goes to `pass` while `run` runs. */
export async function withSignals<T>(pass: (signal: NodeJS.Signals) => void, run: () => Promise<T>): Promise<T> {
  for (const signal of SIGNALS) process.on(signal, pass)
  try {
    return await run()
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass)
  }
}
