import { backend_util, util } from '@tensorflow/tfjs-core'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from './operation'
import { checkImages, pair, type Size4, type Window, window } from './window'

interface Convolution extends Window {
  dataFormat?: 'NHWC' | 'NCHW'
  dilations?: number | readonly [number, number]
}

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

function convolutionInfo(
  op: string,
  x: readonly number[],
  filter: readonly number[],
  attributes: Convolution,
  depthwise = false,
) {
  checkImages(op, { x, filter })
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
    depthwise,
    format,
  )
}

/** Two for each multiplication and addition; all three convolutions of a layer take as many. */
const convolutionFlops = (info: backend_util.Conv2DInfo) =>
  2 * util.sizeFromShape(info.outShape) * info.filterHeight * info.filterWidth * info.inChannels

interface FusedConvolution extends Convolution {
  activation?: string
  leakyreluAlpha?: number
}

export const convolutions: Operation[] = [
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
  ...depthwise(),
]

/** Each channel is convolved for itself: filter [height, width, channels, multiplier]. */
function depthwise(): Operation[] {
  const name = 'DepthwiseConv2dNative'
  const info = (op: string, x: readonly number[], filter: readonly number[], attributes: Convolution) =>
    convolutionInfo(op, x, filter, attributes, true)
  const flops = ({ outShape, filterHeight, filterWidth }: backend_util.Conv2DInfo) =>
    2 * util.sizeFromShape(outShape) * filterHeight * filterWidth
  return [
    operation({
      name,
      inputs: ['x', 'filter'],
      kind: 'convolution',
      requires: ['strides', 'pad'],
      canonical: convolution,
      infer: ({ x, filter }, attributes: Convolution) =>
        dense(info(name, x.shape, filter.shape, attributes).outShape, x.dtype),
      flops: ({ x, filter }, _, attributes) => flops(info(name, x.shape, filter.shape, attributes)),
    }),
    operation({
      name: `${name}BackpropInput`,
      inputs: ['dy', 'filter'],
      kind: 'convolution',
      requires: ['strides', 'pad', 'inputShape'],
      infer: (_, { inputShape }: Convolution & { inputShape: readonly number[] }) => dense(inputShape),
      flops: ({ filter }, _, attributes) => flops(info(name, attributes.inputShape, filter.shape, attributes)),
    }),
    operation({
      name: `${name}BackpropFilter`,
      inputs: ['x', 'dy'],
      kind: 'convolution',
      requires: ['strides', 'pad', 'filterShape'],
      infer: (_, { filterShape }: Convolution & { filterShape: readonly number[] }) => dense(filterShape),
      flops: ({ x }, _, attributes) => flops(info(name, x.shape, attributes.filterShape, attributes)),
    }),
  ]
}
