import type * as tf from '@tensorflow/tfjs-core'
import { type Overlap, overlap } from './overlap'
import { countPixels } from './pixel-counts'
import { auroc, averagePrecision } from './ranking'

/** The thresholds at which the reference evaluates. */
export const referenceThresholds: readonly number[] = [0.05, 0.125, 0.25, 0.5, 0.75, 0.85, 0.95, 0.99]

export interface SegmentationMetricsOptions {
  /** In [0, 1), any order. Default {@link referenceThresholds}. */
  thresholds?: readonly number[]
}

/** One image. */
export interface ImageMetrics {
  /** Its place in the order of updates, from 0. */
  index: number
  /** As handed to `update`. */
  name?: string
  /** Whether any pixel of its mask is above 0. */
  defective: boolean
  /** Its highest probability. */
  score: number
  /** By threshold as a string, such as '0.75'. */
  thresholds: Record<string, Overlap>
}

/** All images at one threshold; null where there is nothing to divide by. */
export interface ThresholdResult {
  /** Means over all images. */
  dice: number | null
  iou: number | null
  /** Means over the defective images. */
  diceDefective: number | null
  iouDefective: number | null
  /** Images: a defective one is found (tp) or missed (fn), a clean one raises an alarm (fp) or not (tn). */
  tp: number
  tn: number
  fp: number
  fn: number
  /** tp / (tp + fn). */
  tpr: number | null
  /** tn / (tn + fp). */
  tnr: number | null
}

/** What evaluation writes as eval.json. */
export interface SegmentationResult {
  images: number
  defective: number
  /** By threshold as a string, such as '0.75', rising. */
  thresholds: Record<string, ThresholdResult>
  /** Of the images' scores; null unless defective and clean images are present. */
  auroc: number | null
  averagePrecision: number | null
}

/**
 * Segmentation metrics by image and detection metrics over images, as the reference evaluates, in a stream of batches.
 * How the images are split into batches changes nothing. A pixel, a mask's pixel and an image's score are positive
 * when they are `>` float32(threshold).
 */
export class SegmentationMetrics {
  /** Rising. */
  readonly thresholds: readonly number[]
  private images: ImageMetrics[] = []

  constructor({ thresholds = referenceThresholds }: SegmentationMetricsOptions = {}) {
    const wrong = thresholds.find((threshold) => !(threshold >= 0 && threshold < 1))
    if (wrong !== undefined) throw new Error(`threshold ${wrong} is not in [0, 1)`)
    if (thresholds.length === 0) throw new Error('got no thresholds; expected at least one')
    this.thresholds = [...new Set(thresholds)].sort((a, b) => a - b)
  }

  /**
   * Adds a batch; the caller keeps its tensors.
   *
   * @param mask [n, h, w, 1] in [0, 1]
   * @param probability [n, h, w, 1] in [0, 1], the sigmoid's output
   * @param names of the n images, to find them again
   * @returns the n images' own metrics
   * @throws when shapes differ or a value is outside of [0, 1]; then no image of the batch is counted
   */
  async update(mask: tf.Tensor4D, probability: tf.Tensor4D, names?: readonly string[]): Promise<ImageMetrics[]> {
    checkBatch(mask, probability, names)
    const [masks, probabilities] = await Promise.all([mask.data(), probability.data()])
    const [count, size] = [mask.shape[0], mask.size / mask.shape[0]]
    const thresholds = Float32Array.from(this.thresholds)
    const batch = Array.from({ length: count }, (_, i) => {
      const image = [i * size, (i + 1) * size] as const
      const counts = countPixels(masks.subarray(...image), probabilities.subarray(...image), thresholds)
      const at = (k: number) => overlap(counts.both[k]!, counts.predicted[k]!, counts.labelled[k]!)
      return {
        index: this.images.length + i,
        ...(names && { name: names[i]! }),
        defective: counts.label > 0,
        score: counts.score,
        thresholds: Object.fromEntries(this.thresholds.map((threshold, k) => [String(threshold), at(k)])),
      }
    })
    this.images.push(...batch)
    return batch
  }

  /**
   * Adds images that were measured elsewhere, such as by another process.
   *
   * @throws when one was not measured at all of these thresholds; then none is counted
   */
  add(images: readonly ImageMetrics[]): void {
    for (const { name, index, thresholds } of images) {
      const missing = this.thresholds.find((threshold) => !thresholds[threshold])
      if (missing !== undefined)
        throw new Error(`image ${name ?? index} was not measured at threshold ${missing}; use the same thresholds`)
    }
    for (const image of images) this.images.push({ ...image, index: this.images.length })
  }

  /** Of all images so far. */
  result(): SegmentationResult {
    const scores = this.images.map(({ score }) => score)
    const defective = this.images.map((image) => image.defective)
    return {
      images: this.images.length,
      defective: count(defective),
      thresholds: Object.fromEntries(this.thresholds.map((threshold) => [String(threshold), this.at(threshold)])),
      auroc: auroc(scores, defective),
      averagePrecision: averagePrecision(scores, defective),
    }
  }

  /** Forgets all images. */
  reset(): void {
    this.images = []
  }

  private at(threshold: number): ThresholdResult {
    const defective = this.images.filter((image) => image.defective)
    const clean = this.images.filter((image) => !image.defective)
    const alarm = ({ score }: ImageMetrics) => score > Math.fround(threshold)
    const average = (images: ImageMetrics[], of: keyof Overlap) =>
      mean(images.map(({ thresholds }) => thresholds[threshold]![of]))
    const [tp, fp] = [count(defective.map(alarm)), count(clean.map(alarm))]
    return {
      dice: average(this.images, 'dice'),
      iou: average(this.images, 'iou'),
      diceDefective: average(defective, 'dice'),
      iouDefective: average(defective, 'iou'),
      tp,
      tn: clean.length - fp,
      fp,
      fn: defective.length - tp,
      tpr: ratio(tp, defective.length),
      tnr: ratio(clean.length - fp, clean.length),
    }
  }
}

function checkBatch(mask: tf.Tensor4D, probability: tf.Tensor4D, names?: readonly string[]) {
  const [got, expected] = [probability.shape.join(), mask.shape.join()]
  if (got !== expected) throw new Error(`mask has shape [${expected}], probability [${got}]; they must be equal`)
  if (names && names.length !== mask.shape[0])
    throw new Error(`got ${names.length} names for ${mask.shape[0]} images; expected one an image`)
}

const count = (flags: boolean[]) => flags.filter(Boolean).length
const ratio = (part: number, whole: number) => (whole ? part / whole : null)
const mean = (values: number[]) =>
  ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  )
