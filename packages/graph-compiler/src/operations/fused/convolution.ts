import { util } from '@tensorflow/tfjs-core'
import type { TensorType, Value } from '../../ir/graph'
import { dense, type Emitter, type Operation, operation, sameShape, sizeOf, typeText } from '../operation'

// Stride 1, SAME padding, NHWC. What is read may be given in parts, which count as joined along channels.

/** Stride 1 and SAME, as attributes of tfjs's kernels. */
const SAME = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }

/** tfjs's names of what may follow a convolution. */
export type FusedActivation = 'linear' | 'relu' | 'relu6' | 'elu' | 'leakyrelu' | 'sigmoid'

const one = (graph: Emitter, op: string, inputs: (Value | null)[], attributes = {}) =>
  graph.add(op, inputs, attributes)[0]!

const join = (graph: Emitter, parts: Value[]) =>
  parts.length > 1 ? one(graph, 'Concat', parts, { axis: 3 }) : parts[0]!

const RESIZE = { alignCorners: false, halfPixelCenters: false }

/** The parts joined, or the one part with both sides doubled (nearest neighbour). */
function readParts(graph: Emitter, parts: Value[], upsampled: boolean): Value {
  if (!upsampled) return join(graph, parts)
  const [, height, width] = graph.typeOf(parts[0]!).shape
  return one(graph, 'ResizeNearestNeighbor', parts, { ...RESIZE, size: [2 * height!, 2 * width!] })
}

/** [n, height, width, channels] of what a convolution reads. */
function partsShape(op: string, parts: readonly TensorType[], upsampled: boolean): [number, number, number, number] {
  const [first] = parts
  const odd = parts.find(
    ({ shape, dtype }) =>
      shape.length !== 4 || dtype !== 'float32' || !sameShape(shape.slice(0, 3), first!.shape.slice(0, 3)),
  )
  if (!first || odd || (upsampled && parts.length > 1))
    throw new Error(
      `${op}: got parts ${parts.map(typeText).join(', ') || 'none'}, expected float32 [n, h, w, c] of one n, h and w${upsampled ? ', and one alone where upsampled' : ''}`,
    )
  const scale = upsampled ? 2 : 1
  const [n, height, width] = first.shape as [number, number, number]
  return [n, scale * height, scale * width, parts.reduce((sum, { shape }) => sum + shape[3]!, 0)]
}

function checkFilter(op: string, shape: readonly number[], channels: number) {
  if (shape.length !== 4 || shape[2] !== channels)
    throw new Error(`${op}: got filter [${shape}], expected [height, width, ${channels}, out]`)
}

/** Of a convolution and of each of its gradients. */
const flops = (y: readonly number[], [height, width, channels]: readonly number[]) =>
  2 * util.sizeFromShape(y as number[]) * height! * width! * channels!

export interface ConvolutionAttributes {
  activation: FusedActivation
  /** The slope below zero of `leakyrelu`; else 0. */
  leakyreluAlpha: number
  /** The one part is read with both sides doubled. */
  upsampled: boolean
  /** The second output is there: the maxima of y in windows of 2x2. */
  pooled: boolean
}

export interface ConvolutionInputGradientAttributes {
  /** Each part's channels, in order. */
  channels: readonly number[]
  /** dy is that of the doubled part; dx, of half the size, sums each 2x2. */
  upsampled: boolean
}

export interface ConvolutionFilterGradientAttributes {
  /** Height and width of the filter. */
  size: readonly [number, number]
  upsampled: boolean
}

export const fusedConvolutions: Operation[] = [
  /**
   * y = activation(parts * filter + bias), and its maxima in windows of 2x2.
   *
   * filter [k, k, in, out], bias [out], parts [n, h, w, in₁], [n, h, w, in₂] … → y [n, h, w, out], pooled [n, h/2, w/2,
   * out]
   */
  operation({
    name: 'Convolution',
    inputs: ['filter', 'bias?', 'part...'],
    kind: 'convolution',
    blocked: true,
    canonical: ({
      activation = 'linear',
      leakyreluAlpha = 0,
      upsampled = false,
      pooled = false,
    }: ConvolutionAttributes) => ({
      activation,
      leakyreluAlpha: activation === 'leakyrelu' ? leakyreluAlpha : 0,
      upsampled,
      pooled,
    }),
    infer({ filter, bias, part }, { upsampled, pooled }: ConvolutionAttributes) {
      const [n, height, width, channels] = partsShape('Convolution', part, upsampled)
      checkFilter('Convolution', filter.shape, channels)
      const out = filter.shape[3]!
      if (bias && !sameShape(bias.shape, [out]))
        throw new Error(`Convolution: got bias ${typeText(bias)}, expected [${out}]`)
      if (pooled && (height % 2 || width % 2))
        throw new Error(`Convolution: got ${height}x${width} pixels to pool, expected even sides`)
      const y = dense([n, height, width, out])
      return pooled ? [y, dense([n, height / 2, width / 2, out])] : [y]
    },
    flops: ({ filter, bias }, [y, pooled]) =>
      flops(y!.shape, filter.shape) + (bias ? 2 * sizeOf(y!) : 0) + (pooled ? sizeOf(y!) : 0),
    expand(graph, { filter, bias, part }, { activation, leakyreluAlpha, upsampled, pooled }) {
      const attributes = { ...SAME, activation, leakyreluAlpha }
      const y = one(graph, 'FusedConv2D', [readParts(graph, part, upsampled), filter, bias, null], attributes)
      return pooled ? [y, one(graph, 'MaxPool', [y], POOL)] : [y]
    },
  }),

  /**
   * dL/dpart for each part, zero where its mask is not positive. The mask of a part is the part itself where a ReLU
   * made it.
   *
   * dy [n, h, w, out], filter [k, k, in, out], masks like the parts or null → dx like the parts
   */
  operation({
    name: 'ConvolutionInputGradient',
    inputs: ['dy', 'filter', 'mask?...'],
    kind: 'convolution',
    blocked: true,
    requires: ['channels', 'upsampled'],
    infer({ dy, filter, mask }, { channels, upsampled }: ConvolutionInputGradientAttributes) {
      const op = 'ConvolutionInputGradient'
      checkFilter(
        op,
        filter.shape,
        channels.reduce((sum, size) => sum + size, 0),
      )
      const [n, height, width, out] = dy.shape as [number, number, number, number]
      if (out !== filter.shape[3])
        throw new Error(`${op}: got dy ${typeText(dy)}, expected ${filter.shape[3]} channels`)
      if (mask.length !== channels.length)
        throw new Error(`${op}: got ${mask.length} masks, expected ${channels.length}: null where a part has none`)
      const scale = upsampled ? 2 : 1
      return channels.map((size, i) => {
        const shape = [n, height / scale, width / scale, size]
        if (mask[i] && !sameShape(mask[i].shape, shape))
          throw new Error(`${op}: got mask ${i} ${typeText(mask[i])}, expected [${shape}]`)
        return dense(shape)
      })
    },
    flops: ({ dy, filter }) => flops(dy.shape, filter.shape),
    expand(graph, { dy, filter, mask }, { channels, upsampled }) {
      const [n, height, width] = graph.typeOf(dy).shape as [number, number, number]
      const [side, sideX, , out] = graph.typeOf(filter).shape as [number, number, number, number]
      return channels.map((size, i) => {
        const first = channels.slice(0, i).reduce((sum, before) => sum + before, 0)
        const begin = { begin: [0, 0, first, 0], size: [side, sideX, size, out] }
        const mine = channels.length > 1 ? one(graph, 'Slice', [filter], begin) : filter
        let dx = one(graph, 'Conv2DBackpropInput', [dy, mine], { ...SAME, inputShape: [n, height, width, size] })
        if (upsampled) {
          const images = one(graph, 'Fill', [], { shape: [n, height / 2, width / 2, size], value: 0, dtype: 'float32' })
          dx = one(graph, 'ResizeNearestNeighborGrad', [images, dx], { ...RESIZE, size: [height / 2, width / 2] })
        }
        return mask[i] ? one(graph, 'ReluGrad', [dx, mask[i]]) : dx
      })
    },
  }),

  /** dL/dfilter and dL/dbias. dy [n, h, w, out], parts as in `Convolution` → dfilter [k, k, in, out], dbias [out] */
  operation({
    name: 'ConvolutionFilterGradient',
    inputs: ['dy', 'part...'],
    kind: 'convolution',
    blocked: true,
    requires: ['size', 'upsampled'],
    infer({ dy, part }, { size, upsampled }: ConvolutionFilterGradientAttributes) {
      const op = 'ConvolutionFilterGradient'
      const [n, height, width, channels] = partsShape(op, part, upsampled)
      if (dy.shape.length !== 4 || !sameShape(dy.shape.slice(0, 3), [n, height, width]))
        throw new Error(`${op}: got dy ${typeText(dy)}, expected [${[n, height, width]},out]`)
      const out = dy.shape[3]!
      return [dense([...size, channels, out]), dense([out])]
    },
    flops: ({ dy }, [dfilter]) => flops(dy.shape, dfilter!.shape) + sizeOf(dy),
    expand(graph, { dy, part }, { size, upsampled }) {
      const x = readParts(graph, part, upsampled)
      const filterShape = [...size, graph.typeOf(x).shape[3]!, graph.typeOf(dy).shape[3]!]
      return [one(graph, 'Conv2DBackpropFilter', [x, dy], { ...SAME, filterShape }), one(graph, 'BiasAddGrad', [dy])]
    },
  }),

  /**
   * dL/dy where y was pooled in windows of 2x2 and perhaps read by another, whose share is dskip; zero where y is not
   * positive if `masked` (y came from a ReLU). Of equal maxima the first in row-major order gets the gradient.
   *
   * y, dskip [n, h, w, c], pooled, dpooled [n, h/2, w/2, c] → dy [n, h, w, c]
   */
  operation({
    name: 'MaxPoolJoinGradient',
    inputs: ['y', 'pooled', 'dpooled', 'dskip?'],
    kind: 'pool',
    blocked: true,
    requires: ['masked'],
    infer({ y, pooled, dpooled, dskip }, _: { masked: boolean }) {
      const op = 'MaxPoolJoinGradient'
      const [n, height, width, channels] = y.shape as [number, number, number, number]
      const half = [n, height / 2, width / 2, channels]
      for (const [name, type, shape] of [
        ['pooled', pooled, half],
        ['dpooled', dpooled, half],
        ['dskip', dskip, y.shape],
      ] as const)
        if (type && !sameShape(type.shape, shape))
          throw new Error(`${op}: got ${name} ${typeText(type)}, expected [${shape}]`)
      return dense(y.shape)
    },
    flops: ({ y }) => 3 * sizeOf(y),
    expand(graph, { y, pooled, dpooled, dskip }, { masked }) {
      const dy = one(graph, 'MaxPoolGrad', [dpooled, y, pooled], POOL)
      const joined = dskip ? one(graph, 'Add', [dy, dskip]) : dy
      return masked ? one(graph, 'ReluGrad', [joined, y]) : joined
    },
  }),
]

/** The pool that TinyUNet has. */
const POOL = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }
