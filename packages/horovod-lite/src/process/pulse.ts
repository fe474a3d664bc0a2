import { Signal } from './messages'

/** Seconds without a sign of life until the background thread counts as dead. */
const PATIENCE = 10

/** Whether the background thread lives, for the main thread, which hears of no event while it is blocked. */
export class Pulse {
  private last = 0
  private silent = 0

  constructor(private readonly signals: Int32Array) {}

  /**
   * Waits until a result may be there, for a second at most. Counts waits, not time: a process that was stopped has waited once.
   * @returns false where the background thread is dead
   */
  wait(seen: number): boolean {
    if (Atomics.wait(this.signals, Signal.results, seen, 1000) !== 'timed-out') return true
    const now = Atomics.load(this.signals, Signal.pulse)
    this.silent = now === this.last ? this.silent + 1 : 0
    this.last = now
    return this.silent < PATIENCE
  }
}
