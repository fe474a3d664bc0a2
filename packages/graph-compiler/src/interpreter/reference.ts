import { backend_util } from '@tensorflow/tfjs-core'
import type { Attributes, TensorType } from '../ir/graph'
import type { Values } from './values'

// Kernels in which tfjs-backend-cpu 4.22 is wrong, or too slow for tests. Each is its definition.

type Size4 = [number, number, number, number]

/** The one output, or undefined where the CPU backend is to do it. */
type ReferenceKernel = (
  inputs: readonly (Values | null)[],
  types: readonly (TensorType | null)[],
  attributes: Attributes,
) => Values | undefined

/**
 * dL/dimages: each gradient goes where the resizing took its value from. (The CPU kernel reads all images but the first
 * at a wrong place.)
 */
const resizeNearestGradient: ReferenceKernel = ([, dy], [imagesType, dyType], { alignCorners, halfPixelCenters }) => {
  const [n, height, width, channels] = imagesType!.shape as Size4
  const [, outHeight, outWidth] = dyType!.shape as Size4
  const source = (out: number, from: number, to: number) => {
    const ratio = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to
    const exact = ratio * (halfPixelCenters ? out + 0.5 : out)
    return Math.min(from - 1, alignCorners ? Math.round(exact) : Math.floor(exact))
  }
  const sums = new Float64Array(n * height * width * channels)
  for (let i = 0; i < dy!.length; i++) {
    const channel = i % channels
    const pixel = (i - channel) / channels
    const x = pixel % outWidth
    const y = Math.floor(pixel / outWidth) % outHeight
    const image = Math.floor(pixel / (outWidth * outHeight))
    const row = image * height + source(y, height, outHeight)
    sums[(row * width + source(x, width, outWidth)) * channels + channel]! += dy![i]!
  }
  return Float32Array.from(sums)
}

/** dL/dfilter of a convolution. (The CPU kernel takes some 50 times as long.) */
const filterGradient: ReferenceKernel = ([x, dy], [xType, dyType], attributes) => {
  if (attributes.dataFormat !== 'NHWC') return undefined
  const { filterShape, strides, pad, dimRoundingMode, dilations } = attributes as unknown as FilterGradient
  const info = backend_util.computeConv2DInfo(
    [...xType!.shape] as Size4,
    [...filterShape],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  )
  const [, outHeight, outWidth, out] = dyType!.shape as Size4
  const { batchSize, inHeight, inWidth, inChannels, filterHeight, filterWidth, padInfo } = info
  const sums = new Float64Array(filterHeight * filterWidth * inChannels * out)
  for (let tap = 0; tap < filterHeight * filterWidth; tap++) {
    const top = Math.floor(tap / filterWidth) * info.dilationHeight - padInfo.top
    const left = (tap % filterWidth) * info.dilationWidth - padInfo.left
    for (let row = 0; row < batchSize * outHeight; row++) {
      const image = Math.floor(row / outHeight)
      const y = (row % outHeight) * info.strideHeight + top
      if (y < 0 || y >= inHeight) continue
      for (let column = 0; column < outWidth; column++) {
        const xx = column * info.strideWidth + left
        if (xx < 0 || xx >= inWidth) continue
        const from = ((image * inHeight + y) * inWidth + xx) * inChannels
        const of = (row * outWidth + column) * out
        for (let i = 0; i < inChannels; i++) {
          const value = x![from + i]!
          const to = (tap * inChannels + i) * out
          for (let o = 0; o < out; o++) sums[to + o]! += value * dy![of + o]!
        }
      }
    }
  }
  return Float32Array.from(sums)
}

interface FilterGradient {
  filterShape: Size4
  strides: [number, number]
  pad: Parameters<typeof backend_util.computeConv2DInfo>[4]
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
  dilations?: [number, number]
}

export const referenceKernels: Readonly<Record<string, ReferenceKernel>> = {
  ResizeNearestNeighborGrad: resizeNearestGradient,
  Conv2DBackpropFilter: filterGradient,
}
