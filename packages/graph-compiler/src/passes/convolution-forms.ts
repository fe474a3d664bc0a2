// What convolutions and poolings are to the passes: which of tfjs's are stride 1 and SAME, and which of those have fast kernels.
import type { Attribute, Attributes, Node, Value } from '../ir/graph'
import type { GraphEditor } from './editor'

/** Channels of a block of the blocked layout. */
export const BLOCK = 16
const isBlocks = (channels: number) => channels % BLOCK === 0

export interface ConvolutionShape {
  /** Height and width of the filter. */
  size: readonly [number, number]
  /** Channels of each part of the input. */
  parts: readonly number[]
  filters: number
  upsampled: boolean
}

/**
 * Which fast kernels a convolution has:
 * - `blocked`: 3x3, or 2x2 of an upsampled part; every tensor blocked
 * - `image`: 3x3 of a dense image of 1 to 4 channels to a blocked tensor; no gradient by the image
 * - `head`: 1x1 of a blocked tensor to a dense one of 1 to 16 channels, without activation
 */
export type ConvolutionForm = 'blocked' | 'image' | 'head'

export function formOf({
  size: [height, width],
  parts,
  filters,
  upsampled,
}: ConvolutionShape): ConvolutionForm | undefined {
  const is = (side: number) => height === side && width === side
  const [first] = parts
  if (upsampled ? is(2) && parts.length === 1 : is(3)) {
    if (!isBlocks(filters)) return undefined
    if (parts.every(isBlocks)) return 'blocked'
    return !upsampled && parts.length === 1 && first! <= 4 ? 'image' : undefined
  }
  return is(1) && !upsampled && parts.length === 1 && isBlocks(first!) && filters <= 16 ? 'head' : undefined
}

const isOne = (attribute: Attribute | undefined) => ['1', '1,1'].includes(String(attribute ?? 1))

/** Is a convolution of tfjs's attributes, or its gradient, in NHWC with stride 1 and as much zero padding as keeps the size? */
export function isSame(
  { strides, dilations, dataFormat, pad }: Attributes,
  [height, width]: readonly [number, number],
): boolean {
  if (!isOne(strides) || !isOne(dilations) || (dataFormat ?? 'NHWC') !== 'NHWC') return false
  if (pad === 'same') return true
  const [top, left] = [(height - 1) / 2, (width - 1) / 2]
  const explicit = pad === 'valid' ? 0 : pad
  return typeof explicit === 'number'
    ? explicit === top && explicit === left
    : String(explicit) ===
        String([
          [0, 0],
          [top, top],
          [left, left],
          [0, 0],
        ])
}

const isTwo = (attribute: Attribute | undefined) => ['2', '2,2'].includes(String(attribute))

/** Is a max pooling, or its gradient, over 2x2 windows of x that touch and cover it? */
export const isHalving = ({ filterSize, strides, pad }: Attributes, [, height, width]: readonly number[]): boolean =>
  isTwo(filterSize) &&
  isTwo(strides) &&
  (pad === 'same' || pad === 'valid' || pad === 0) &&
  height! % 2 === 0 &&
  width! % 2 === 0

/** What a ResizeNearestNeighbor by 2 enlarges. */
export function upsampledPart(graph: GraphEditor, value: Value): Value | undefined {
  const resize = graph.made(value, 'ResizeNearestNeighbor')
  return resize && isDoubling(resize, graph.type(resize.inputs[0]!).shape, resize.types[0]!.shape)
    ? resize.inputs[0]!
    : undefined
}

/** Does the node resize between a small and a large image by 2, so that each pixel becomes a square of four? */
export const isDoubling = ({ attributes }: Node, small: readonly number[], large: readonly number[]): boolean =>
  attributes.alignCorners !== true && large[1] === 2 * small[1]! && large[2] === 2 * small[2]!

/** The tensors that a value joins along channels; the value itself where it joins none. */
export function joinedParts(graph: GraphEditor, value: Value): readonly Value[] {
  const concat = graph.made(value, 'Concat')
  return concat && concat.inputs.length > 1 && concat.types[0]!.shape.length === 4 && concat.attributes.axis === 3
    ? (concat.inputs as readonly Value[])
    : [value]
}

export const channelsOf = (graph: GraphEditor, value: Value): number => graph.type(value).shape[3]!
