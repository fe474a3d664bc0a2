// Which operations work in which layout.
import type { Graph, Layout, Node, TensorType, Value } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { valueKey } from '../ir/walk'
import { sameShape } from '../operations/operation'
import { BLOCK, type ConvolutionShape, formOf, isHalving } from './convolution-forms'
import { sweepOf } from './elementwise-sweeps'

/** The layouts of an operation's inputs and outputs; dense where none is given. */
export interface Layouts {
  readonly inputs: readonly Layout[]
  readonly outputs: readonly Layout[]
}

export const DENSE: Layouts = { inputs: [], outputs: [] }

const all = (values: readonly unknown[], layout: Layout): Layout[] => values.map(() => layout)

/** The layouts that the fast kernels of a convolution's operation want; undefined for all others. */
export function convolutionLayouts(graph: Graph, node: Node): Layouts | undefined {
  return CONVOLUTIONS[node.op]?.(graph, node)
}

const shapeOf = (graph: Graph, value: Value | null | undefined) => typeOf(graph, value!).shape
const channelsOf = (graph: Graph, values: readonly (Value | null)[]) => values.map((value) => shapeOf(graph, value)[3]!)

/** Which of the three forms it is; those that the passes make have one. */
function formOfFilter(filter: readonly number[], shape: Omit<ConvolutionShape, 'size' | 'filters'>) {
  const [height, width, , filters] = filter as [number, number, number, number]
  return formOf({ size: [height, width], filters, ...shape })
}

const CONVOLUTIONS: Record<string, (graph: Graph, node: Node) => Layouts | undefined> = {
  Convolution(graph, { inputs: [filter, , ...parts], attributes, types }) {
    const upsampled = attributes.upsampled === true
    const form = formOfFilter(shapeOf(graph, filter), { parts: channelsOf(graph, parts), upsampled })
    return (
      form && {
        inputs: ['dense', 'dense', ...all(parts, form === 'image' ? 'dense' : 'blocked')],
        outputs: all(types, form === 'head' ? 'dense' : 'blocked'),
      }
    )
  },

  ConvolutionInputGradient(graph, { inputs: [, filter, ...masks], attributes, types }) {
    const upsampled = attributes.upsampled === true
    const form = formOfFilter(shapeOf(graph, filter), { parts: types.map(({ shape }) => shape[3]!), upsampled })
    return (
      form && {
        inputs: [form === 'head' ? 'dense' : 'blocked', 'dense', ...all(masks, 'blocked')],
        outputs: all(types, 'blocked'),
      }
    )
  },

  ConvolutionFilterGradient(graph, { inputs: [, ...parts], attributes, types }) {
    const upsampled = attributes.upsampled === true
    const form = formOfFilter(types[0]!.shape, { parts: channelsOf(graph, parts), upsampled })
    return (
      form && {
        inputs: [form === 'head' ? 'dense' : 'blocked', ...all(parts, form === 'image' ? 'dense' : 'blocked')],
        outputs: [],
      }
    )
  },

  MaxPoolJoinGradient: (_, { inputs }) => ({ inputs: all(inputs, 'blocked'), outputs: ['blocked'] }),
}

/** The values that are to be blocked because a convolution's operation makes or reads them so; as `valueKey`s. */
export function blockedValues(graph: Graph): Set<string> {
  const values = new Set<string>()
  for (const [number, node] of graph.nodes.entries()) {
    const { inputs, outputs } = convolutionLayouts(graph, node) ?? DENSE
    for (const [i, input] of node.inputs.entries()) if (input && inputs[i] === 'blocked') values.add(valueKey(input))
    for (const [output, layout] of outputs.entries())
      if (layout === 'blocked') values.add(valueKey({ node: number, output }))
  }
  return values
}

/**
 * Blocked layouts for an operation that works in either: elementwise ones over one shape, with what broadcasts to it by images
 * and channels, and pooling by 2x2. Undefined where it is none.
 */
export function eitherLayouts(graph: Graph, number: number): Layouts | undefined {
  const node = graph.nodes[number]!
  const { op, inputs, attributes, types } = node
  const [{ shape }] = types as [TensorType]
  if (!types.every((type) => isBlockable(type) && sameShape(type.shape, shape))) return undefined
  if (op === 'MaxPool')
    return isHalving(attributes, shapeOf(graph, inputs[0])) ? { inputs: ['blocked'], outputs: ['blocked'] } : undefined
  if (op !== 'Elementwise' && !sweepOf(graph, number)) return undefined
  const layouts = inputs.map((input) => {
    const type = typeOf(graph, input!)
    if (sameShape(type.shape, shape)) return isBlockable(type) ? 'blocked' : undefined
    const [height = 1, width = 1] = type.shape.slice(-3, -1)
    return type.shape.length <= 1 || (height === 1 && width === 1) ? 'dense' : undefined
  })
  return layouts.includes(undefined) ? undefined : { inputs: layouts as Layout[], outputs: all(types, 'blocked') }
}

const isBlockable = ({ shape, dtype }: TensorType) =>
  dtype === 'float32' && shape.length === 4 && shape[3]! % BLOCK === 0
