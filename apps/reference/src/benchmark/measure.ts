/** What single steps took, and what the process held meanwhile. */
export interface Measurement {
  /** Of each step, in milliseconds. */
  milliseconds: number[]
  /** From the start of the process to the end of the first step of all, warm-up or not. */
  firstStepSeconds: number
  /** Resident memory at up to ten even places among the steps, the last at their end. */
  rssBytes: number[]
}

/** Node has it where it runs with --expose-gc: memory is then what is in use, not what waits to be collected. */
const collect: (() => void) | undefined = Reflect.get(globalThis, 'gc')

/** Runs a step so many times; the first `warmup` runs come before and are not counted. */
export async function measure(
  step: () => Promise<void>,
  { steps, warmup }: { steps: number; warmup: number },
): Promise<Measurement> {
  const milliseconds: number[] = []
  const rssBytes: number[] = []
  let firstStepSeconds: number | undefined
  for (let i = -warmup; i < steps; i++) {
    const began = performance.now()
    await step()
    const ended = performance.now()
    firstStepSeconds ??= ended / 1000 // its origin is the start of the process
    if (i < 0) continue
    milliseconds.push(ended - began)
    if (Math.floor((10 * (i + 1)) / steps) === Math.floor((10 * i) / steps)) continue
    collect?.()
    rssBytes.push(process.memoryUsage.rss())
  }
  return { milliseconds, firstStepSeconds: firstStepSeconds!, rssBytes }
}

/** The smallest value that at least p percent of all values do not exceed. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(Math.ceil((p / 100) * sorted.length) - 1, 0)] ?? Number.NaN
}
