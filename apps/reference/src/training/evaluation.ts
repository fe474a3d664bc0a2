import type * as tf from '@tensorflow/tfjs-core'
import { type ImageMetrics, SegmentationMetrics, type SegmentationResult } from '@unet-industrial/adaptive-loss'
import type { Dataset } from '@unet-industrial/dagm-dataset'
import { rank } from '@unet-industrial/horovod-lite'
import type { TinyUNet } from '@unet-industrial/tinyunet-model'
import type { Seen } from './sample-pictures'
import type { SpeedMeter } from './speed'
import { ofAllRanks } from './world'

/** The threshold that the reference publishes its results at. */
export const referenceThreshold = '0.75'

/** How many images of each kind are picked for pictures. */
const picks = { worst: 8, best: 4 }

/** An image that stands out, with what there was to see. */
export interface Picked {
  metrics: ImageMetrics
  seen: Seen
}

/** What this rank has seen of the images that may stand out, by their place among its own. */
type Memory = Map<number, Seen>

export interface Evaluation {
  result: SegmentationResult
  /** Images with the lowest dice, worst first. */
  worst: Picked[]
  /** Defective images with the highest dice, best first. */
  best: Picked[]
}

const dice = ({ thresholds }: ImageMetrics) => thresholds[referenceThreshold]!.dice

const worstOf = (images: ImageMetrics[]) => [...images].sort((a, b) => dice(a) - dice(b)).slice(0, picks.worst)
const bestOf = (images: ImageMetrics[]) =>
  images
    .filter(({ defective }) => defective)
    .sort((a, b) => dice(b) - dice(a))
    .slice(0, picks.best)

/**
 * Runs a model over all images of a set and measures it; of several ranks each has a part of the images, and gets the
 * result of all. The model and the set stay the caller's.
 *
 * @param dataset undefined where this rank has no image
 * @param onImages hears after each batch how many images are done
 */
export async function evaluateModel(
  model: TinyUNet,
  dataset: Dataset | undefined,
  speed: SpeedMeter,
  onImages: (done: number) => void,
): Promise<Evaluation> {
  const metrics = new SegmentationMetrics()
  const own: ImageMetrics[] = []
  let memory: Memory = new Map()
  let step = 0
  for await (const batch of dataset ?? []) {
    const probability = model.predict(batch.image)
    const images = await metrics.update(
      batch.mask,
      probability,
      batch.samples.map(({ name }) => name),
    )
    speed.at(++step)
    const seen = await look(batch.image, batch.mask, probability)
    own.push(...images)
    for (const [i, { index }] of images.entries()) memory.set(index, seen(i))
    const kept = [...worstOf(own), ...bestOf(own)]
    memory = new Map(kept.map(({ index }) => [index, memory.get(index)!]))
    onImages(own.length)
    probability.dispose()
    batch.dispose()
    speed.pause()
  }
  return ofAll(own, memory)
}

/** What all ranks measured, on every rank, as one process would have: rank r of P had the images r, r + P, r + 2P, … */
function ofAll(own: ImageMetrics[], memory: Memory): Evaluation {
  const parts = ofAllRanks(own)
  const ranks = parts.length
  const images = Array.from({ length: parts.flat().length }, (_, i) => ({
    ...parts[i % ranks]![Math.floor(i / ranks)]!,
    index: i,
  }))
  const metrics = new SegmentationMetrics()
  metrics.add(images)
  const [worst, best] = [worstOf(images), bestOf(images)]
  const mine = [...worst, ...best].filter(({ index }) => index % ranks === rank())
  const seen = new Map(
    ofAllRanks(mine.map(({ index }) => [index, memory.get(Math.floor(index / ranks))!] as const)).flat(),
  )
  const picked = (images: ImageMetrics[]) => images.map((metrics) => ({ metrics, seen: seen.get(metrics.index)! }))
  return { result: metrics.result(), worst: picked(worst), best: picked(best) }
}

/** The i-th image of a batch, copied, so that a picked one does not hold the whole batch. */
async function look(...tensors: [image: tf.Tensor4D, mask: tf.Tensor4D, probability: tf.Tensor4D]) {
  const [, height, width] = tensors[0].shape
  const values = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()))
  return (i: number): Seen => {
    const [image, mask, probability] = values.map((all) => all.slice(i * height * width, (i + 1) * height * width))
    return { image: image!, mask: mask!, probability: probability!, height, width }
  }
}
