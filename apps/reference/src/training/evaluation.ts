import type * as tf from '@tensorflow/tfjs-core'
import { type ImageMetrics, SegmentationMetrics, type SegmentationResult } from '@unet-industrial/adaptive-loss'
import type { Dataset } from '@unet-industrial/dagm-dataset'
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

export interface Evaluation {
  result: SegmentationResult
  /** Images with the lowest dice, worst first. */
  worst: Picked[]
  /** Defective images with the highest dice, best first. */
  best: Picked[]
}

const dice = ({ metrics }: Picked) => metrics.thresholds[referenceThreshold]!.dice

/**
 * Runs a model over all images of a set and measures it; of several ranks each has a part of the images, and gets the
 * result of all. The model and the set stay the caller's.
 *
 * @param onImages hears after each batch how many images are done
 */
export async function evaluateModel(
  model: TinyUNet,
  dataset: Dataset,
  speed: SpeedMeter,
  onImages: (done: number) => void,
): Promise<Evaluation> {
  const metrics = new SegmentationMetrics()
  const own: ImageMetrics[] = []
  let worst: Picked[] = []
  let best: Picked[] = []
  let done = 0
  let step = 0
  for await (const batch of dataset) {
    const probability = model.predict(batch.image)
    const images = await metrics.update(
      batch.mask,
      probability,
      batch.samples.map(({ name }) => name),
    )
    speed.at(++step)
    const seen = await look(batch.image, batch.mask, probability)
    const picked = images.map((metrics, i) => ({ metrics, seen: seen(i) }))
    own.push(...images)
    worst = worstOf([...worst, ...picked])
    best = bestOf([...best, ...picked])
    done += images.length
    onImages(done)
    probability.dispose()
    batch.dispose()
    speed.pause()
  }
  return ofAll(own, worst, best)
}

/** What all ranks measured, on every rank, as one process would have: rank r of P had the images r, r + P, r + 2P, … */
function ofAll(own: ImageMetrics[], ownWorst: Picked[], ownBest: Picked[]): Evaluation {
  const parts = ofAllRanks({ images: own, worst: ownWorst, best: ownBest })
  const metrics = new SegmentationMetrics()
  const most = Math.max(...parts.map(({ images }) => images.length))
  for (let i = 0; i < most; i++) metrics.add(parts.flatMap(({ images }) => images.slice(i, i + 1)))
  const place = ({ metrics: { index } }: Picked, rank: number) => index * parts.length + rank
  const picked = (of: 'worst' | 'best') =>
    parts
      .flatMap((part, rank) =>
        part[of].map((one) => ({ ...one, metrics: { ...one.metrics, index: place(one, rank) } })),
      )
      .sort((a, b) => a.metrics.index - b.metrics.index)
  return { result: metrics.result(), worst: worstOf(picked('worst')), best: bestOf(picked('best')) }
}

const worstOf = (all: Picked[]) => [...all].sort((a, b) => dice(a) - dice(b)).slice(0, picks.worst)
const bestOf = (all: Picked[]) =>
  all
    .filter(({ metrics }) => metrics.defective)
    .sort((a, b) => dice(b) - dice(a))
    .slice(0, picks.best)

/** The i-th image of a batch, copied, so that a picked one does not hold the whole batch. */
async function look(...tensors: [image: tf.Tensor4D, mask: tf.Tensor4D, probability: tf.Tensor4D]) {
  const [, height, width] = tensors[0].shape
  const values = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()))
  return (i: number): Seen => {
    const [image, mask, probability] = values.map((all) => all.slice(i * height * width, (i + 1) * height * width))
    return { image: image!, mask: mask!, probability: probability!, height, width }
  }
}
