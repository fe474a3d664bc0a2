// What the measurements run on.
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { short } from './numbers.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Measures the peaks, too, with so many threads: about two seconds. */
export async function describeMachine(threads) {
  const { nativeInfo, nativePeak, setIsa, setThreads } = await import('../../packages/backend-native/dist/index.js')
  const { isas = [], features = [] } = nativeInfo()
  const peaks = {}
  if (isas.length > 0) setThreads(threads)
  for (const isa of isas) {
    setIsa(isa)
    peaks[isa] = nativePeak()
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    commit: commit(),
    load: loadavg()[0],
    isas,
    features,
    peaks,
  }
}

/**
 * The figures to reach: times the best rival's speed, bytes, seconds, and how far memory may drift. Those that depend on the
 * machine are undefined where none is set; of another size or batch than the record's none is meant.
 */
export function targetsOf({ isas }, { isRecord }) {
  if (!isRecord) return {}
  const machines = {
    avx512: { training: 2.5, inference: 2.5, demoSeconds: 180 },
    avx2: { training: 6, inference: 3.5, demoSeconds: 240 },
  }
  return { rssBytes: 5.5e9, startSeconds: 2, binaryBytes: 3e6, drift: 0.01, ...machines[isas[0]] }
}

/** `; wanted ≤ 2 s: reached`, or nothing where there is no target. */
export function verdict(target, reached, text) {
  return target === undefined ? '' : `; wanted ${text(target)}: ${reached ? 'reached' : '**not reached**'}`
}

/** The commit, `+` where files differ from it. */
function commit() {
  try {
    const git = (...words) =>
      execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return (
      git('rev-parse', '--short', 'HEAD').trim() +
      (git('status', '--porcelain', '--untracked-files=no').trim() ? '+' : '')
    )
  } catch {
    return 'unknown'
  }
}

export const peakLines = ({ peaks }) =>
  Object.entries(peaks).map(
    ([isa, { gflops, gigabytesPerSecond }]) =>
      `${isa}: ${short(gflops)} GFLOP/s of multiply-adds, ${short(gigabytesPerSecond)} GB/s copied (read and written)`,
  )
