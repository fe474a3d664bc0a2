/** Samples of a process's memory over a run, in bytes. */
export class MemoryTrend {
  private readonly samples: { at: number; bytes: number }[] = []

  /** @param at share of the run, from 0 to 1 */
  add(at: number, bytes: number): void {
    this.samples.push({ at, bytes })
  }

  /** The least and the most of a part of the run. */
  range(from: number, to: number): { least: number; most: number } {
    const bytes = this.samples.filter(({ at }) => at >= from && at < to).map((sample) => sample.bytes)
    return { least: Math.min(...bytes), most: Math.max(...bytes) }
  }

  /**
   * From the middle (0.35 to 0.6) to the last quarter, by the least of each: what comes and goes, and when it is collected,
   * does not count; what is never given back does. Before that is the time in which caches fill.
   */
  get growth(): number {
    return this.range(0.75, Infinity).least - this.range(0.35, 0.6).least
  }
}
