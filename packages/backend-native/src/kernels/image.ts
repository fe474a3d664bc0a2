// Convolution, pooling and resizing, NHWC.
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { NativeBackend } from '../backend'
import { isFloat, register } from './register'

type Pair = [number, number] | number
type Padding = Parameters<typeof backend_util.computeConv2DInfo>[4]

interface ConvAttributes {
  strides: Pair
  pad: Padding
  dataFormat: 'NHWC' | 'NCHW'
  dilations?: Pair
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

type Size4 = [number, number, number, number]

const convInfo = (x: number[], filter: number[], attributes: ConvAttributes) =>
  backend_util.computeConv2DInfo(
    x as Size4,
    filter as Size4,
    attributes.strides,
    attributes.dilations ?? 1,
    attributes.pad,
    attributes.dimRoundingMode,
  )

/** Conv2DShape of native/kernels/kernels.h. */
const convShape = (s: backend_util.Conv2DInfo) =>
  Int32Array.of(
    ...[s.batchSize, s.inHeight, s.inWidth, s.inChannels, s.outHeight, s.outWidth, s.outChannels],
    ...[s.filterHeight, s.filterWidth, s.strideHeight, s.strideWidth, s.dilationHeight, s.dilationWidth],
    ...[s.padInfo.top, s.padInfo.left],
  )

/** PoolShape. */
const poolShape = (s: backend_util.Conv2DInfo) =>
  Int32Array.of(
    ...[s.batchSize, s.inHeight, s.inWidth, s.outHeight, s.outWidth, s.inChannels],
    ...[s.filterHeight, s.filterWidth, s.strideHeight, s.strideWidth, s.dilationHeight, s.dilationWidth],
    ...[s.padInfo.top, s.padInfo.left],
  )

interface FusedAttributes extends ConvAttributes {
  activation?: string
  leakyreluAlpha?: number
}

interface FusedInputs {
  x: TensorInfo
  filter: TensorInfo
  bias?: TensorInfo
  preluActivationWeights?: TensorInfo
}

/** y = activation(conv(x, filter) + bias) */
function conv2d(
  { x, filter, bias, preluActivationWeights }: FusedInputs,
  attributes: FusedAttributes,
  backend: NativeBackend,
) {
  const { activation = 'linear', leakyreluAlpha = 0, dataFormat } = attributes
  const code = backend.addon.activations.indexOf(activation)
  if (dataFormat === 'NCHW' || code < 0 || preluActivationWeights || !isFloat(x, filter)) return undefined
  const info = convInfo(x.shape, filter.shape, attributes)
  if (bias && !(isFloat(bias) && bias.shape.length <= 1 && bias.shape[0] === info.outChannels)) return undefined
  if (info.inChannels !== filter.shape[2] || info.outShape.includes(0)) return undefined
  const y = backend.output(info.outShape)
  const biases = bias ? backend.floats(bias) : null
  backend.addon.conv2d(
    convShape(info),
    backend.floats(x),
    backend.floats(filter),
    biases,
    code,
    leakyreluAlpha,
    y.values,
  )
  return y.info
}

interface BackpropInputAttributes extends ConvAttributes {
  inputShape: number[]
}

interface BackpropFilterAttributes extends ConvAttributes {
  filterShape: number[]
}

interface PoolAttributes {
  filterSize: Pair
  strides: Pair
  pad: Padding
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

const poolInfo = (x: number[], { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) =>
  backend_util.computePool2DInfo(x as Size4, filterSize, strides, 1, pad, dimRoundingMode)

interface ResizeAttributes {
  alignCorners: boolean
  halfPixelCenters?: boolean
}

/** ResizeShape, from the tensors' shapes. */
const resizeShape = (x: number[], y: number[], { alignCorners, halfPixelCenters }: ResizeAttributes) =>
  Int32Array.of(x[0]!, x[1]!, x[2]!, y[1]!, y[2]!, x[3]!, Number(alignCorners), Number(halfPixelCenters ?? false))

export function registerImageKernels(): void {
  register<'x' | 'filter', ConvAttributes>('Conv2D', conv2d)
  register<'x' | 'filter', FusedAttributes>('FusedConv2D', conv2d)

  register<'dy' | 'filter', BackpropInputAttributes>('Conv2DBackpropInput', ({ dy, filter }, attributes, backend) => {
    if (attributes.dataFormat === 'NCHW' || !isFloat(dy, filter)) return undefined
    const info = convInfo(attributes.inputShape, filter.shape, attributes)
    if (!util.arraysEqual(info.outShape, dy.shape)) return undefined // conv2dTranspose lets it through
    const dx = backend.output(attributes.inputShape)
    backend.addon.conv2dBackpropInput(convShape(info), backend.floats(dy), backend.floats(filter), dx.values)
    return dx.info
  })

  register<'x' | 'dy', BackpropFilterAttributes>('Conv2DBackpropFilter', ({ x, dy }, attributes, backend) => {
    if (attributes.dataFormat === 'NCHW' || !isFloat(x, dy)) return undefined
    const dfilter = backend.output(attributes.filterShape)
    const shape = convShape(convInfo(x.shape, attributes.filterShape, attributes))
    backend.addon.conv2dBackpropFilter(shape, backend.floats(x), backend.floats(dy), dfilter.values)
    return dfilter.info
  })

  register<'x', PoolAttributes>('MaxPool', ({ x }, attributes, backend) => {
    if (!isFloat(x)) return undefined
    const info = poolInfo(x.shape, attributes)
    const single = info.filterHeight === 1 && info.filterWidth === 1 // the CPU backend's result is x, with any padding
    if (single || info.outShape.includes(0)) return undefined
    const y = backend.output(info.outShape)
    backend.addon.maxPool(poolShape(info), backend.floats(x), y.values)
    return y.info
  })

  register<'dy' | 'input' | 'output', PoolAttributes>('MaxPoolGrad', ({ dy, input, output }, attributes, backend) => {
    if (!isFloat(dy, input, output)) return undefined
    const dx = backend.output(input.shape)
    const shape = poolShape(poolInfo(input.shape, attributes))
    const [x, y] = [backend.floats(input), backend.floats(output)]
    backend.addon.maxPoolGrad(shape, x, y, backend.floats(dy), dx.values)
    return dx.info
  })

  register<'images', ResizeAttributes & { size: [number, number] }>(
    'ResizeNearestNeighbor',
    ({ images }, attributes, backend) => {
      if (!isFloat(images)) return undefined
      const [batch, , , channels] = images.shape as Size4
      const y = backend.output([batch, ...attributes.size, channels])
      backend.addon.resizeNearest(resizeShape(images.shape, y.info.shape, attributes), backend.floats(images), y.values)
      return y.info
    },
  )

  register<'images' | 'dy', ResizeAttributes>('ResizeNearestNeighborGrad', ({ images, dy }, attributes, backend) => {
    if (!isFloat(images, dy)) return undefined
    const dx = backend.output(images.shape)
    backend.addon.resizeNearestGrad(resizeShape(images.shape, dy.shape, attributes), backend.floats(dy), dx.values)
    return dx.info
  })
}
