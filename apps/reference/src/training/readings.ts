import * as tf from '@tensorflow/tfjs-core'
import type { StepResult } from './recipe'

/** Numbers of the last step that was read. */
export interface Reading {
  loss: number
  weightDecay: number
  dice: number
  branch: 'bce' | 'dice' | null
  lossScale: number
  /** Updates that the optimizer has made; fewer than steps where some were skipped. */
  updates: number
  /** The first step whose loss is NaN or infinite. */
  bad?: { step: number; loss: number }
}

/**
 * What all ranks read after the same step: loss and dice are means over the ranks, whose batches are equally large.
 *
 * @throws on every rank where any has read a loss that is not finite, naming the first step
 */
export function meanOf(readings: readonly Reading[]): Reading {
  const bad = readings.flatMap(({ bad }, rank) => (bad ? [{ ...bad, rank }] : [])).sort((a, b) => a.step - b.step)[0]
  if (bad)
    throw new Error(
      `the loss is ${bad.loss} at step ${bad.step}${readings.length > 1 ? ` on rank ${bad.rank}` : ''}; the last checkpoint is from before: lower --learning-rate, or look at the images`,
    )
  const mean = (of: 'loss' | 'dice') => readings.reduce((sum, reading) => sum + reading[of], 0) / readings.length
  return { ...readings[0]!, loss: mean('loss'), dice: mean('dice') }
}

/**
 * Collects what steps return and reads it back now and then, so that a step never waits for a number.
 *
 * Every step's loss is looked at: the first that is not finite is named, however late it is read.
 */
export class Readings {
  private pending: { step: number; result: StepResult }[] = []

  add(step: number, result: StepResult): void {
    const previous = this.pending.at(-1)?.result
    if (previous) tf.dispose([previous.weightDecay, previous.dice, ...(previous.useDice ? [previous.useDice] : [])])
    this.pending.push({ step, result })
  }

  /** Reads everything since the last call. */
  async read(lossScale: tf.Scalar, updates: tf.Scalar): Promise<Reading> {
    const { weightDecay, dice, useDice } = this.pending.at(-1)!.result
    const losses = tf.stack(this.pending.map(({ result }) => result.loss))
    const last = tf.tidy(() =>
      tf.stack([weightDecay, dice, lossScale, updates, useDice ?? 0].map((value) => tf.cast(value, 'float32'))),
    )
    const [all, [decay, coefficient, scale, count, isDice]] = await Promise.all([losses.data(), last.data()])
    const bad = all.findIndex((loss) => !Number.isFinite(loss))
    const step = this.pending[bad]?.step
    tf.dispose([losses, last])
    this.dispose()
    const branch = useDice ? (isDice ? 'dice' : 'bce') : null
    return {
      loss: all.at(-1)!,
      weightDecay: decay!,
      dice: coefficient!,
      branch,
      lossScale: scale!,
      updates: count!,
      ...(step !== undefined && { bad: { step, loss: all[bad]! } }),
    }
  }

  dispose(): void {
    for (const { result } of this.pending)
      for (const tensor of Object.values(result)) if (!tensor.isDisposed) tensor.dispose()
    this.pending = []
  }
}
