// Convolutions of several parts on blocked tensors, stride 1, SAME, and what they should give in double precision.
import { type Shape4, toBlocked } from './blocked'
import { reference } from './convolution'
import { randomFloats } from './random'

export interface Layer {
  batch: number
  height: number
  width: number
  /** Channels of each part of x. */
  parts: readonly number[]
  channels: number
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Cuts [n, h, w, c] along channels. */
export function split(values: ArrayLike<number>, channels: readonly number[]): Float32Array[] {
  const total = sum(channels)
  let from = 0
  return channels.map((count) => {
    const part = Float32Array.from({ length: (values.length / total) * count }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / count), i % count]
      return values[pixel * total + from + channel]!
    })
    from += count
    return part
  })
}

/** [n, h, w, c] with each pixel four times. */
function doubled(x: Float32Array, [n, height, width, channels]: Shape4): Float32Array {
  return Float32Array.from({ length: 4 * n * height * width * channels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels]
    const [line, column] = [Math.floor(pixel / (2 * width)), pixel % (2 * width)]
    return x[(Math.floor(line / 2) * width + Math.floor(column / 2)) * channels + channel]! // image · 2·height is even
  })
}

/** The transpose of `doubled`. */
function summed(dx: Float64Array, [n, height, width, channels]: Shape4): Float64Array {
  const to = new Float64Array(n * height * width * channels)
  for (const [i, value] of dx.entries()) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels]
    const [line, column] = [Math.floor(pixel / (2 * width)), pixel % (2 * width)]
    to[(Math.floor(line / 2) * width + Math.floor(column / 2)) * channels + channel]! += value
  }
  return to
}

/** Random operands, dense and blocked, and results: of 3x3, or of doubling and 2x2. */
export function layerData(layer: Layer, upsampled: boolean) {
  const { batch, height, width, parts, channels } = layer
  const [depth, scale, size] = [sum(parts), upsampled ? 2 : 1, upsampled ? 2 : 3]
  const xShape: Shape4 = [batch, height, width, depth]
  const yShape: Shape4 = [batch, scale * height, scale * width, channels]
  const x = randomFloats(batch * height * width * depth, 1)
  const dy = randomFloats(batch * scale * height * scale * width * channels, 2)
  const filter = randomFloats(size * size * depth * channels, 3).map((w) => w / Math.sqrt(depth))
  const bias = randomFloats(channels, 4)
  const window = { filterHeight: size, filterWidth: size, padTop: upsampled ? 0 : 1, padLeft: upsampled ? 0 : 1 }
  const steps = { strideHeight: 1, strideWidth: 1, dilationHeight: 1, dilationWidth: 1 }
  const [, outHeight, outWidth] = yShape
  const sizes = {
    inHeight: outHeight,
    inWidth: outWidth,
    outHeight,
    outWidth,
    inChannels: depth,
    outChannels: channels,
  }
  const { y, dx, dfilter } = reference(
    { batch, ...sizes, ...window, ...steps },
    upsampled ? doubled(x, xShape) : x,
    filter,
    dy,
  )
  const dbias = new Float64Array(channels)
  for (const [i, value] of dy.entries()) dbias[i % channels]! += value
  return {
    ...{ xShape, yShape, filter, bias, dbias, y: y.values, dfilter: dfilter.values },
    parts: split(x, parts).map((part, i) => toBlocked(part, [batch, height, width, parts[i]!])),
    dy: toBlocked(dy, yShape),
    dx: upsampled ? summed(dx.values, xShape) : dx.values,
  }
}
