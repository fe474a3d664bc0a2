/** Pixels of one image above each threshold: in the prediction, in the mask and in both. */
export interface PixelCounts {
  predicted: number[]
  labelled: number[]
  both: number[]
  /** The highest values. */
  score: number
  label: number
}

/**
 * Counts one image in one pass over plain numbers: a histogram of how many thresholds a pixel exceeds, then sums from
 * the top. Comparing whole tensors needs five passes for each threshold (benchmarks/metrics.mjs).
 *
 * @param mask, probability one image each, in [0, 1]
 * @param thresholds float32, rising; above means `>`
 * @throws when a value is outside of [0, 1] or NaN
 */
export function countPixels(
  mask: ArrayLike<number>,
  probability: ArrayLike<number>,
  thresholds: Float32Array,
): PixelCounts {
  const levels = thresholds.length + 1
  const predicted = new Float64Array(levels)
  const labelled = new Float64Array(levels)
  const both = new Float64Array(levels)
  let score = 0
  let label = 0
  for (let i = 0; i < mask.length; i++) {
    const p = probability[i]!
    const y = mask[i]!
    if (!(p >= 0 && p <= 1))
      throw new Error(`probability has the value ${p}; expected values in [0, 1]: apply the sigmoid to logits`)
    if (!(y >= 0 && y <= 1))
      throw new Error(`mask has the value ${y}; expected values in [0, 1]: divide an 8-bit mask by 255`)
    if (p > score) score = p
    if (y > label) label = y
    const a = exceeded(p, thresholds)
    const b = exceeded(y, thresholds)
    predicted[a]!++
    labelled[b]!++
    both[Math.min(a, b)]!++
  }
  return { predicted: above(predicted), labelled: above(labelled), both: above(both), score, label }
}

/** How many of the rising thresholds a value lies above. */
function exceeded(value: number, thresholds: Float32Array): number {
  let count = 0
  while (count < thresholds.length && value > thresholds[count]!) count++
  return count
}

/** For each threshold how many exceed it, of how many exceed exactly 0, 1, 2, … thresholds. */
function above(histogram: Float64Array): number[] {
  const counts = Array.from(histogram)
  for (let k = counts.length - 2; k >= 0; k--) counts[k]! += counts[k + 1]!
  return counts.slice(1)
}
