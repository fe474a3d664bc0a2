/** Parts of a run of which the least and the most are kept, so that the samples themselves take no memory. */
const PARTS = 100

/** Samples of a process's memory over a run, in bytes. */
export class MemoryTrend {
  private readonly least = new Float64Array(PARTS).fill(Infinity)
  private readonly most = new Float64Array(PARTS).fill(-Infinity)

  /** @param at share of the run, from 0 to 1; below 0 while caches fill, which does not count */
  add(at: number, bytes: number): void {
    const part = Math.min(PARTS - 1, Math.floor(at * PARTS))
    if (part < 0) return
    this.least[part] = Math.min(this.least[part]!, bytes)
    this.most[part] = Math.max(this.most[part]!, bytes)
  }

  /** The least and the most of a part of the run. */
  range(from: number, to: number): { least: number; most: number } {
    const [first, end] = [Math.floor(from * PARTS), Math.ceil(to * PARTS)]
    return { least: Math.min(...this.least.slice(first, end)), most: Math.max(...this.most.slice(first, end)) }
  }

  /**
   * From the first to the last quarter, by the least of each: what comes and goes, and when it is collected, does not count;
   * what is never given back does.
   */
  get growth(): number {
    return this.range(0.75, 1).least - this.range(0, 0.25).least
  }
}
