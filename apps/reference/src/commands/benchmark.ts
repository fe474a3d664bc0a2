import { barrier, size } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../backends'
import { cpu } from '../benchmark/cpu'
import { measure, percentile } from '../benchmark/measure'
import { makeStep } from '../benchmark/step'
import type { Request } from '../options/parse'
import type { Options } from '../options/schema'
import { say, sayAside } from '../say'
import { notes } from '../training/session'
import { inWorld, ofAllRanks, threadsOf } from '../training/world'

/** What `benchmark --json` prints. */
export interface BenchmarkResult {
  mode: 'training' | 'inference'
  backend: string
  threads: number
  imageSize: number
  batchSize: number
  /** Measured, the warm-up not counted. */
  steps: number
  /** Processes that measured at the same time; the speed is their sum. */
  ranks: number
  imagesPerSecond: number
  msPerStep: { p50: number; p95: number }
  /** From the start of the process to the end of its first step, of warm-up or not. */
  firstStepSeconds: number
  /** Resident memory at up to ten even places among the steps; flat where nothing leaks. */
  rssBytes: number[]
  /** The most memory that the process ever held. */
  peakRssBytes: number
  cpu: string
  features: string[]
}

/** Measures the speed of whole training steps, or of predictions, on images made in memory. */
export const benchmark = ({ options }: Request): Promise<BenchmarkResult> => inWorld(() => run(options))

async function run(options: Options): Promise<BenchmarkResult> {
  const { mode = 'training', imageSize = 512, batchSize, numIter: steps, warmupStep, json } = options
  const { name, description, threads } = await selectBackend(options.backend, mode, threadsOf(options))
  for (const note of notes(options)) sayAside(note)
  const step = makeStep(options, imageSize)
  barrier()
  const { milliseconds, ...measured } = await measure(step, { steps, warmup: warmupStep })
  const result: BenchmarkResult = {
    mode,
    backend: name,
    threads,
    imageSize,
    batchSize,
    steps,
    ranks: size(),
    imagesPerSecond: sum(ofAllRanks((1000 * steps * batchSize) / sum(milliseconds))),
    msPerStep: { p50: percentile(milliseconds, 50), p95: percentile(milliseconds, 95) },
    ...measured,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    ...cpu(),
  }
  say(json ? JSON.stringify(result) : describe(result, description))
  return result
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)

function describe(result: BenchmarkResult, description: string): string {
  const { mode, backend, imageSize, batchSize, steps, ranks, imagesPerSecond, msPerStep } = result
  const { firstStepSeconds, peakRssBytes, cpu, features } = result
  return [
    `${mode} on ${imageSize}x${imageSize}, batch ${batchSize}, ${steps} steps, ${ranks > 1 ? `${ranks} processes, ` : ''}backend ${backend} (${description})`,
    `images/s     ${imagesPerSecond.toFixed(2)}`,
    `ms a step    ${msPerStep.p50.toFixed(1)} (p50), ${msPerStep.p95.toFixed(1)} (p95)`,
    `first step   done ${firstStepSeconds.toFixed(2)} s after the start`,
    `peak memory  ${(peakRssBytes / 2 ** 30).toFixed(2)} GiB`,
    `CPU          ${cpu}${features.length ? ` (${features.join(' ')})` : ''}`,
  ].join('\n')
}
