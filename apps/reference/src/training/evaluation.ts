import type * as tf from '@tensorflow/tfjs-core'
import { type ImageMetrics, SegmentationMetrics, type SegmentationResult } from '@unet-industrial/adaptive-loss'
import type { Dataset } from '@unet-industrial/dagm-dataset'
import type { TinyUNet } from '@unet-industrial/tinyunet-model'
import type { Seen } from './sample-pictures'
import type { SpeedMeter } from './speed'

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
 * Runs a model over all images of a set and measures it. The model and the set stay the caller's.
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
    worst = [...worst, ...picked].sort((a, b) => dice(a) - dice(b)).slice(0, picks.worst)
    best = [...best, ...picked.filter(({ metrics }) => metrics.defective)]
      .sort((a, b) => dice(b) - dice(a))
      .slice(0, picks.best)
    done += images.length
    onImages(done)
    probability.dispose()
    batch.dispose()
    speed.pause()
  }
  return { result: metrics.result(), worst, best }
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
