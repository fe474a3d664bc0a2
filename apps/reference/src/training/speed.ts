/** Measures images a second, leaving out the first steps and what is no training. */
export class SpeedMeter {
  private readonly startedAt = performance.now()
  private markedAt = this.startedAt
  private markedStep: number
  private measured = { images: 0, seconds: 0 }

  /**
   * @param from steps done before
   * @param batch images a step, all ranks together
   * @param warmup steps that the average leaves out, where there are more
   */
  constructor(
    private readonly from: number,
    private readonly batch: number,
    private readonly warmup: number,
  ) {
    this.markedStep = from
  }

  /** Images a second since the last call. */
  at(step: number): number {
    const time = performance.now()
    const images = (step - this.markedStep) * this.batch
    const seconds = (time - this.markedAt) / 1000
    if (this.markedStep - this.from >= this.warmup) {
      this.measured.images += images
      this.measured.seconds += seconds
    }
    this.markedAt = time
    this.markedStep = step
    return images / seconds
  }

  /** Leaves the time since the last `at` out. */
  pause(): void {
    this.markedAt = performance.now()
  }

  /** What the reference writes as performances_*.json: numbers as text, images a second and seconds. */
  performances(): { throughput: string; processing_time: string } {
    const processing = (performance.now() - this.startedAt) / 1000
    const { images, seconds } = this.measured
    const throughput = seconds > 0 ? images / seconds : ((this.markedStep - this.from) * this.batch) / processing
    return { throughput: String(throughput), processing_time: String(processing) }
  }
}
