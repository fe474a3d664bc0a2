import * as tf from '@tensorflow/tfjs-core'
import { allgatherObject } from '../collectives/collectives'

/**
 * Averages metrics over the ranks, all of a record in one collective, computed in float64 in the order of ranks.
 * @param metrics numbers and scalars by name; the same names on every rank. Scalars are read back
 * @param options `count`: what this rank's values are the mean of (images, batches): ranks with more weigh more. One with
 *   count 0 has no say, whatever its values. Default 1: all weigh the same
 * @returns the averages, equal on every rank; NaN where all counts are 0
 */
export function averageMetrics<K extends string>(
  metrics: Record<K, number | tf.Scalar>,
  { count = 1 } = {},
): Record<K, number> {
  if (!(count >= 0 && Number.isFinite(count))) throw new Error(`count: got ${count}, expected a number of at least 0`)
  const names = (Object.keys(metrics) as K[]).sort()
  const row = [count, ...read(names.map((name) => metrics[name]))]
  const rows = allgatherObject(row, { name: `averageMetrics(${names})` })
  const counted = rows.filter(([weight]) => weight! > 0)
  const total = counted.reduce((sum, [weight]) => sum + weight!, 0)
  const average = (column: number) =>
    counted.length === 1 ? counted[0]![column]! : counted.reduce((sum, row) => sum + row[0]! * row[column]!, 0) / total
  return Object.fromEntries(names.map((name, i) => [name, average(i + 1)])) as Record<K, number>
}

/** Reads all scalars at once. */
function read(values: (number | tf.Scalar)[]): number[] {
  const scalars = values.filter((value) => typeof value !== 'number')
  if (scalars.length === 0) return values as number[]
  const wrong = scalars.find(({ shape }) => shape.length > 0)
  if (wrong) throw new Error(`averageMetrics: got a tensor of shape [${wrong.shape}], expected numbers and scalars`)
  const numbers = [...tf.tidy(() => tf.stack(scalars.map((scalar) => tf.cast(scalar, 'float32'))).dataSync())]
  return values.map((value) => (typeof value === 'number' ? value : numbers.shift()!))
}

/**
 * For tfjs-layers' `model.fit`: replaces an epoch's metrics by their averages over the ranks, before later callbacks and the
 * history see them (Horovod's MetricAverageCallback).
 *
 *     model.fit(x, y, { callbacks: new MetricAverageCallback() })
 *
 * With callbacks of tfjs-layers' own it must be one, too, and the first; `fit` takes their list for settings otherwise:
 *
 *     callbacks: [new tf.CustomCallback(new MetricAverageCallback()), tf.callbacks.earlyStopping()]
 */
export class MetricAverageCallback {
  async onEpochEnd(_epoch: number, logs?: Record<string, number>): Promise<void> {
    if (logs) Object.assign(logs, averageMetrics(logs))
  }
}
