/** Times of single steps, in milliseconds, and of all of them together. */
export interface Measurement {
  milliseconds: number[]
  seconds: number
}

/** Runs a step so many times; the first `warmup` runs come before and are not counted. */
export async function measure(
  step: () => Promise<void>,
  { steps, warmup }: { steps: number; warmup: number },
): Promise<Measurement> {
  for (let i = 0; i < warmup; i++) await step()
  const milliseconds: number[] = []
  const start = performance.now()
  for (let i = 0; i < steps; i++) {
    const began = performance.now()
    await step()
    milliseconds.push(performance.now() - began)
  }
  return { milliseconds, seconds: (performance.now() - start) / 1000 }
}

/** The smallest value that at least p percent of all values do not exceed. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(Math.ceil((p / 100) * sorted.length) - 1, 0)] ?? Number.NaN
}
