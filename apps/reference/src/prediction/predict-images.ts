import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { decodePng, type Raster } from '@unet-industrial/dagm-dataset'
import type { TinyUNet } from '@unet-industrial/tinyunet-model'
import type { Input } from './inputs'
import { crop, padReflect, roundUp } from './pad'

/** The net halves both sides four times. */
const sizeMultiple = 16
/** Keeps a batch's memory near that of four 512x512 images, about 1 GB. */
const pixelsABatch = 2 ** 20

/** An image and what the model says of it. */
export interface Predicted {
  input: Input
  raster: Raster
  /** [height · width], the image's own size. */
  probability: Float32Array
}

export interface PredictOptions {
  /** What the grey values 0 and 255 become. */
  range: readonly [black: number, white: number]
  /** Hears of each image that cannot be read; the others go on. */
  onFailure: (error: Error) => void
  /** Hears of the first image whose sides the net cannot take. */
  onPadding: (text: string) => void
}

interface Pending {
  input: Input
  raster: Raster
  padded: Float32Array
}

/**
 * Runs a model over images in their order, neighbours of one size in a batch together.
 *
 * Sides that are not divisible by 16 are padded by their mirror image, and the result is cropped. The model stays the
 * caller's.
 */
export async function* predictImages(
  model: TinyUNet,
  inputs: readonly Input[],
  { range, onFailure, onPadding }: PredictOptions,
): AsyncGenerator<Predicted> {
  let pending: Pending[] = []
  let paddingTold = false
  const size = ({ width, height }: Raster) => [roundUp(height, sizeMultiple), roundUp(width, sizeMultiple)] as const
  for (const input of inputs) {
    const raster = read(input.path, onFailure)
    if (!raster) continue
    const [height, width] = size(raster)
    const first = pending[0]
    const fits =
      !first ||
      (size(first.raster).join() === [height, width].join() && (pending.length + 1) * height * width <= pixelsABatch)
    if (!fits) {
      yield* predictBatch(model, pending, size(first.raster))
      pending = []
    }
    if (!paddingTold && (height !== raster.height || width !== raster.width)) {
      paddingTold = true
      onPadding(
        `${input.path} is ${raster.width}x${raster.height}; such images are mirrored up to sides divisible by ${sizeMultiple}, here ${width}x${height}, and the result is cropped`,
      )
    }
    pending.push({ input, raster, padded: padReflect(scaled(raster, range), width, height) })
  }
  if (pending.length > 0) yield* predictBatch(model, pending, size(pending[0]!.raster))
}

function read(path: string, onFailure: (error: Error) => void): Raster | undefined {
  try {
    return decodePng(readFileSync(path), path)
  } catch (error) {
    onFailure(error as Error)
    return undefined
  }
}

const scaled = ({ width, height, data }: Raster, [black, white]: readonly [number, number]) => ({
  width,
  height,
  data: Float32Array.from(data, (grey) => black + (grey / 255) * (white - black)),
})

async function* predictBatch(
  model: TinyUNet,
  batch: readonly Pending[],
  [height, width]: readonly [height: number, width: number],
): AsyncGenerator<Predicted> {
  const values = new Float32Array(batch.length * height * width)
  for (const [i, { padded }] of batch.entries()) values.set(padded, i * height * width)
  const probability = tf.tidy(() => model.predict(tf.tensor4d(values, [batch.length, height, width, 1])))
  const all = await probability.data<'float32'>()
  probability.dispose()
  for (const [i, { input, raster }] of batch.entries()) {
    const own = all.subarray(i * height * width, (i + 1) * height * width)
    yield { input, raster, probability: crop(own, width, raster.width, raster.height) }
  }
}
