import type { Addon } from './addon'

/** What a machine reaches at most. */
export interface Peak {
  /** Float32 multiplications and additions of all threads in use, in 10⁹ a second. */
  gflops: number
  /** Bytes read plus bytes written when memory is copied past the caches, in 10⁹ a second. */
  gigabytesPerSecond: number
}

const STEPS = 1_000_000 // some milliseconds
const REPETITIONS = 40
const COPIED = 32 << 20 // floats: more than the caches hold

/** Measures with the threads and the instruction set in use; takes about half a second and 256 MiB for that long. */
export function measurePeak(addon: Addon): Peak {
  const [x, y] = [new Float32Array(COPIED).fill(1), new Float32Array(COPIED).fill(1)]
  const copy = () => {
    addon.streamCopy(x, y)
    return x.byteLength + y.byteLength
  }
  const peak = { gflops: best(REPETITIONS, () => addon.multiplyAdds(STEPS)), gigabytesPerSecond: best(8, copy) }
  for (const { buffer } of [x, y]) addon.release(buffer)
  return peak
}

/** The most that a piece of work ever did in a nanosecond; the best of many, since others may use the machine. */
function best(repetitions: number, work: () => number): number {
  let most = 0
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now()
    const done = work()
    most = Math.max(most, done / (performance.now() - start) / 1e6)
  }
  return most
}
