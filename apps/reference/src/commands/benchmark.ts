import { selectBackend } from '../backends'
import { cpu } from '../benchmark/cpu'
import { measure, percentile } from '../benchmark/measure'
import { makeStep } from '../benchmark/step'
import type { Request } from '../options/parse'
import { notes } from '../training/session'

/** What `benchmark --json` prints. */
export interface BenchmarkResult {
  mode: 'training' | 'inference'
  backend: string
  threads: number
  imageSize: number
  batchSize: number
  /** Measured, the warm-up not counted. */
  steps: number
  imagesPerSecond: number
  msPerStep: { p50: number; p95: number }
  /** The most memory that the process ever held. */
  peakRssBytes: number
  cpu: string
  features: string[]
}

/** Measures the speed of whole training steps, or of predictions, on images made in memory. */
export async function benchmark({ options }: Request): Promise<BenchmarkResult> {
  const { mode, imageSize = 512, batchSize, numIter: steps, warmupStep, json } = options
  const { name, description, threads } = await selectBackend(options.backend, mode, options.threads)
  for (const note of notes(options)) console.error(note)
  const step = makeStep(options, imageSize)
  const { milliseconds, seconds } = await measure(step, { steps, warmup: warmupStep })
  const result: BenchmarkResult = {
    mode,
    backend: name,
    threads,
    imageSize,
    batchSize,
    steps,
    imagesPerSecond: (steps * batchSize) / seconds,
    msPerStep: { p50: percentile(milliseconds, 50), p95: percentile(milliseconds, 95) },
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    ...cpu(),
  }
  console.log(json ? JSON.stringify(result) : describe(result, description))
  return result
}

function describe(result: BenchmarkResult, description: string): string {
  const { mode, backend, imageSize, batchSize, steps, imagesPerSecond, msPerStep, peakRssBytes, cpu, features } = result
  return [
    `${mode} on ${imageSize}x${imageSize}, batch ${batchSize}, ${steps} steps, backend ${backend} (${description})`,
    `images/s     ${imagesPerSecond.toFixed(2)}`,
    `ms a step    ${msPerStep.p50.toFixed(1)} (p50), ${msPerStep.p95.toFixed(1)} (p95)`,
    `peak memory  ${(peakRssBytes / 2 ** 30).toFixed(2)} GiB`,
    `CPU          ${cpu}${features.length ? ` (${features.join(' ')})` : ''}`,
  ].join('\n')
}
