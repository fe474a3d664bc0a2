import { backend_util, util } from '@tensorflow/tfjs-core'
import type { TensorType } from '../ir/graph'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from './operation'

// Convolutions, pools and resizing of images.

type Pair = number | readonly [number, number]
type Size4 = [number, number, number, number]
type Padding = Parameters<typeof backend_util.computeConv2DInfo>[4]
type Rounding = 'floor' | 'round' | 'ceil'

interface Convolution {
  strides: Pair
  pad: Padding
  dataFormat?: 'NHWC' | 'NCHW'
  dilations?: Pair
  dimRoundingMode?: Rounding
}

const pair = (x: Pair = 1): [number, number] => (typeof x === 'number' ? [x, x] : [x[0], x[1]])

const window = ({ strides, pad, dimRoundingMode }: Pick<Convolution, 'strides' | 'pad' | 'dimRoundingMode'>) => ({
  strides: pair(strides),
  pad,
  dimRoundingMode: dimRoundingMode ?? undefined,
})

/** Attributes of a convolution in full; dilations of 1 are left out of the gradients', which have none in tfjs. */
const convolution = (attributes: Convolution) => ({
  ...window(attributes),
  dataFormat: attributes.dataFormat ?? 'NHWC',
  dilations: pair(attributes.dilations),
})

function gradient<T extends Convolution>({ dilations, ...rest }: T) {
  const [y, x] = pair(dilations)
  return { ...rest, ...convolution(rest), dilations: y === 1 && x === 1 ? undefined : [y, x] }
}

function rank4(op: string, types: Record<string, readonly number[]>) {
  for (const [name, shape] of Object.entries(types))
    if (shape.length !== 4) throw new Error(`${op}: got ${name} [${shape}], expected four dimensions`)
}

function convolutionInfo(op: string, x: readonly number[], filter: readonly number[], attributes: Convolution) {
  rank4(op, { x, filter })
  const { strides, pad, dimRoundingMode, dataFormat, dilations } = convolution(attributes)
  const channels = x[dataFormat === 'NHWC' ? 3 : 1]
  if (channels !== filter[2])
    throw new Error(`${op}: got x [${x}] and filter [${filter}], expected as many channels in both (${dataFormat})`)
  const format = backend_util.convertConv2DDataFormat(dataFormat)
  return backend_util.computeConv2DInfo(
    x as Size4,
    filter as Size4,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    format,
  )
}

/** Two for each multiplication and addition; all three convolutions of a layer take as many. */
const convolutionFlops = (info: backend_util.Conv2DInfo) =>
  2 * util.sizeFromShape(info.outShape) * info.filterHeight * info.filterWidth * info.inChannels

interface Pool {
  filterSize: Pair
  strides: Pair
  pad: Padding
  dimRoundingMode?: Rounding
}

const pool = (attributes: Pool) => ({ filterSize: pair(attributes.filterSize), ...window(attributes) })

function poolInfo(op: string, { shape }: TensorType, attributes: Pool) {
  rank4(op, { x: shape })
  const { filterSize, strides, pad, dimRoundingMode } = pool(attributes)
  return backend_util.computePool2DInfo(shape as Size4, filterSize, strides, 1, pad, dimRoundingMode)
}

const pooling = (name: string): Operation =>
  operation({
    name,
    inputs: ['x'],
    kind: 'pool',
    requires: ['filterSize', 'strides', 'pad'],
    canonical: pool,
    infer: ({ x }, attributes: Pool) => dense(poolInfo(name, x, attributes).outShape, x.dtype),
    flops: ({ x }) => sizeOf(x),
  })

const poolGradient = <N extends string>(name: string, inputs: readonly (N | 'dy' | 'input')[]): Operation =>
  operation({
    name,
    inputs,
    kind: 'pool',
    requires: ['filterSize', 'strides', 'pad'],
    canonical: pool,
    infer(named, attributes: Pool) {
      const { dy, input } = named as Record<'dy' | 'input', TensorType>
      const { outShape } = poolInfo(name, input, attributes)
      if (!sameShape(outShape, dy.shape)) throw new Error(`${name}: got dy ${typeText(dy)}, expected [${outShape}]`)
      return dense(input.shape, dy.dtype)
    },
    flops: (_, [dx]) => sizeOf(dx!),
  })

interface Resize {
  size: readonly [number, number]
  alignCorners: boolean
  halfPixelCenters?: boolean
}

function resize(name: string): Operation[] {
  const gradientName = `${name}Grad`
  return [
    operation({
      name,
      inputs: ['images'],
      kind: 'resize',
      requires: ['size', 'alignCorners'],
      infer({ images }, { size }: Resize) {
        rank4(name, { images: images.shape })
        const [n, , , c] = images.shape as Size4
        return dense([n, ...size, c], name === 'ResizeBilinear' ? 'float32' : images.dtype)
      },
      flops: (_, [y]) => (name === 'ResizeBilinear' ? 8 * sizeOf(y!) : 0),
    }),
    operation({
      name: gradientName,
      inputs: ['images', 'dy'],
      kind: 'resize',
      infer({ images, dy }) {
        rank4(gradientName, { images: images.shape, dy: dy.shape })
        return dense(images.shape, dy.dtype)
      },
      flops: ({ dy }) => sizeOf(dy) * (name === 'ResizeBilinear' ? 8 : 1),
    }),
  ]
}

export const images: Operation[] = [
  operation({
    name: 'Conv2D',
    inputs: ['x', 'filter'],
    kind: 'convolution',
    requires: ['strides', 'pad'],
    canonical: convolution,
    infer: ({ x, filter }, attributes: Convolution) =>
      dense(convolutionInfo('Conv2D', x.shape, filter.shape, attributes).outShape, x.dtype),
    flops: ({ x, filter }, _, attributes) =>
      convolutionFlops(convolutionInfo('Conv2D', x.shape, filter.shape, attributes)),
  }),

  // y = activation(x * filter + bias)
  operation({
    name: 'FusedConv2D',
    inputs: ['x', 'filter', 'bias?', 'preluActivationWeights?'],
    kind: 'convolution',
    requires: ['strides', 'pad'],
    canonical: ({ activation = 'linear', leakyreluAlpha, ...rest }: FusedConvolution) => ({
      ...convolution(rest),
      activation,
      leakyreluAlpha: activation === 'leakyrelu' ? leakyreluAlpha : undefined,
    }),
    infer({ x, filter, bias }, attributes) {
      const { outShape, outChannels } = convolutionInfo('FusedConv2D', x.shape, filter.shape, attributes)
      if (bias && (bias.shape.length > 1 || ![1, outChannels].includes(bias.shape[0] ?? 1)))
        throw new Error(`FusedConv2D: got bias ${typeText(bias)}, expected [${outChannels}]`)
      return dense(outShape, x.dtype)
    },
    flops: ({ x, filter }, [y], attributes) =>
      convolutionFlops(convolutionInfo('FusedConv2D', x.shape, filter.shape, attributes)) + 2 * sizeOf(y!),
  }),

  operation({
    name: 'Conv2DBackpropInput',
    inputs: ['dy', 'filter'],
    kind: 'convolution',
    requires: ['strides', 'pad', 'inputShape'],
    canonical: gradient<Convolution & { inputShape: readonly number[] }>,
    infer({ dy, filter }, attributes) {
      const info = convolutionInfo('Conv2DBackpropInput', attributes.inputShape, filter.shape, attributes)
      if (dy.shape.length !== 4 || dy.shape[3] !== info.outShape[3])
        throw new Error(`Conv2DBackpropInput: got dy ${typeText(dy)}, expected [${info.outShape}]`)
      return dense(attributes.inputShape, dy.dtype)
    },
    flops: ({ filter }, _, attributes) =>
      convolutionFlops(convolutionInfo('Conv2DBackpropInput', attributes.inputShape, filter.shape, attributes)),
  }),

  operation({
    name: 'Conv2DBackpropFilter',
    inputs: ['x', 'dy'],
    kind: 'convolution',
    requires: ['strides', 'pad', 'filterShape'],
    canonical: gradient<Convolution & { filterShape: readonly number[] }>,
    infer({ x, dy }, attributes) {
      const info = convolutionInfo('Conv2DBackpropFilter', x.shape, attributes.filterShape, attributes)
      if (!sameShape(info.outShape, dy.shape))
        throw new Error(`Conv2DBackpropFilter: got dy ${typeText(dy)}, expected [${info.outShape}]`)
      return dense(attributes.filterShape, dy.dtype)
    },
    flops: ({ x }, _, attributes) =>
      convolutionFlops(convolutionInfo('Conv2DBackpropFilter', x.shape, attributes.filterShape, attributes)),
  }),

  pooling('MaxPool'),
  pooling('AvgPool'),
  poolGradient('MaxPoolGrad', ['dy', 'input', 'output']),
  poolGradient('AvgPoolGrad', ['dy', 'input']),
  ...resize('ResizeNearestNeighbor'),
  ...resize('ResizeBilinear'),
]

interface FusedConvolution extends Convolution {
  activation?: string
  leakyreluAlpha?: number
}
