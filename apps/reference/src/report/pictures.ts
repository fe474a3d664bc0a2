import { binary, type Colour, colour, grey, grid, onEdge, type Picture, type Pixels, tint, toPng } from './raster'

// Told apart from each other and from grey with the common colour blindnesses too.
const maskColour: Colour = [0, 230, 255]
const predictionColour: Colour = [255, 96, 0]

export interface Sample {
  /** [height · width] grey values. */
  image: Pixels
  /** The values that are black and white; default [−1, 1], the zero-centred normalisation. */
  range?: readonly [black: number, white: number]
  /** [height · width], 1 where defective, else 0. */
  mask: Pixels
  /** [height · width] in [0, 1]. */
  probability: Pixels
  height: number
  width: number
  thresholds: readonly number[]
}

/** A picture to be stored as `<name>.png`. */
export interface NamedPicture {
  name: string
  png: Uint8Array
  width: number
  height: number
}

/**
 * What a run keeps of one image: `image`, `mask`, `overlay`, `probability` (raw), `threshold_<t>` (1 where the
 * probability is greater than t), and `sheet`, all of these in a grid in this order.
 */
export function samplePictures(sample: Sample): NamedPicture[] {
  const { image, range = [-1, 1], mask, probability, height, width, thresholds } = sample
  const shown = grey(image, width, height, range)
  const pictures: Record<string, Picture> = {
    image: shown,
    mask: grey(mask, width, height, [0, 1]),
    overlay: overlay(shown, { mask, probability, threshold: nearPublished(thresholds) }),
    probability: grey(probability, width, height, [0, 1]),
    ...Object.fromEntries(thresholds.map((t) => [`threshold_${t}`, binary(probability, width, height, t)])),
  }
  pictures.sheet = grid(Object.values(pictures), 4)
  return Object.entries(pictures).map(([name, picture]) => ({
    name,
    png: toPng(picture),
    width: picture.width,
    height: picture.height,
  }))
}

/** The image with the prediction (probability > threshold) tinted orange and the mask's outline in cyan. */
export function overlay(
  image: Picture,
  { mask, probability, threshold }: { mask?: Pixels; probability?: Pixels; threshold: number },
): Picture {
  const { width, height } = image
  const picture = colour(image)
  if (probability) {
    const predicted = (pixel: number) => probability[pixel]! > threshold
    tint(picture, predicted, predictionColour, 0.4)
    tint(picture, onEdge(predicted, width, height), predictionColour, 1)
  }
  if (mask)
    tint(
      picture,
      onEdge((pixel) => mask[pixel]! > 0.5, width, height),
      maskColour,
      1,
    )
  return picture
}

/** The threshold nearest to the published one. */
const nearPublished = (thresholds: readonly number[]) =>
  thresholds.reduce((best, t) => (Math.abs(t - 0.75) < Math.abs(best - 0.75) ? t : best), thresholds[0] ?? 0.75)
