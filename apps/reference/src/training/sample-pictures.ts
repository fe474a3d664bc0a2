import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { referenceThresholds } from '@unet-industrial/adaptive-loss'
import type { TinyUNet } from '@unet-industrial/tinyunet-model'
import { writeAtomically } from '../files'
import type { Options } from '../options/schema'
import { type NamedPicture, samplePictures } from '../report/pictures'

/** What is black and white in an image of each normalisation. */
export const ranges = { zero_centered: [-1, 1], zero_one: [0, 1], none: [0, 255] } as const

/** One image with its mask and what the model says of it, each [height · width] in row-major order. */
export interface Seen {
  image: Float32Array
  mask: Float32Array
  probability: Float32Array
  height: number
  width: number
}

/** Pictures of an image: itself, its mask, the prediction raw and binarised at the reference's thresholds. */
export const picturesOf = (seen: Seen, normalization: Options['normalization']): NamedPicture[] =>
  samplePictures({ ...seen, range: ranges[normalization], thresholds: referenceThresholds })

/** Writes `<prefix>-image.png`, `<prefix>-mask.png`, … into a folder. */
export function writePictures(folder: string, prefix: string, pictures: NamedPicture[]): void {
  for (const { name, png } of pictures) writeAtomically(join(folder, `${prefix}-${name}.png`), png)
}

/** Looks at the first image of a batch. */
export async function seeFirst(model: TinyUNet, image: tf.Tensor4D, mask: tf.Tensor4D): Promise<Seen> {
  const [, height, width] = image.shape
  const tensors = tf.tidy(() => {
    const first = tf.slice(image, [0, 0, 0, 0], [1, -1, -1, -1])
    return [first, tf.slice(mask, [0, 0, 0, 0], [1, -1, -1, -1]), model.predict(first)]
  })
  const [pixels, defect, probability] = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()))
  tf.dispose(tensors)
  return { image: pixels!, mask: defect!, probability: probability!, height, width }
}
