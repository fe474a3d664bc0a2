import { GraphBuilder } from '../ir/builder'
import type { Graph, Layout, Node, Value } from '../ir/graph'
import { internType } from '../ir/intern'
import { formOf } from './convolution-forms'
import type { Pass } from './editor'

/**
 * Convolutions work on blocked tensors, all else on dense ones; between them stand conversions, one for each tensor:
 *
 *     x ──▶ Convolution ──▶ Convolution ──▶ Sum      →      x ──▶ ToBlocked ──▶ Convolution ──▶ Convolution ──▶ ToDense ──▶ Sum
 */
export const layout: Pass = (graph) => {
  if (!graph.nodes.some((node) => wanted(graph, node))) return graph
  const builder = new GraphBuilder()
  const moved: Value[][] = []
  const converted = new Map<string, Value>()
  const inLayout = (value: Value, layout: Layout): Value => {
    if (builder.typeOf(value).layout === layout) return value
    const key = `${value.node}.${value.output}`
    const known = converted.get(key) ?? builder.add(layout === 'blocked' ? 'ToBlocked' : 'ToDense', [value])[0]!
    converted.set(key, known)
    return known
  }
  for (const node of graph.nodes) {
    const { inputs, outputs } = wanted(graph, node) ?? { inputs: [], outputs: [] }
    const laidOut = node.inputs.map(
      (input, i) => input && inLayout(moved[input.node]![input.output]!, inputs[i] ?? 'dense'),
    )
    const types = node.types.map(({ shape, dtype }, i) => internType(shape, dtype, outputs[i] ?? 'dense').value)
    moved.push(builder.push({ ...node, inputs: laidOut, types }))
  }
  return builder.build(graph.outputs.map(({ node, output }) => inLayout(moved[node]![output]!, 'dense')))
}

/** The layouts of an operation's inputs and outputs, dense where none is given; undefined where all are. */
function wanted(
  graph: Graph,
  { op, inputs, attributes, types }: Node,
): { inputs: Layout[]; outputs: Layout[] } | undefined {
  const shape = (value: Value | null | undefined) => graph.nodes[value!.node]!.types[value!.output]!.shape
  const channels = (values: readonly (Value | null)[]) => values.map((value) => shape(value)[3]!)
  const upsampled = attributes.upsampled === true
  const all = (values: readonly unknown[], layout: Layout): Layout[] => values.map(() => layout)

  if (op === 'Convolution') {
    const [filter, , ...parts] = inputs
    const [height, width, , filters] = shape(filter) as [number, number, number, number]
    const form = formOf({ size: [height, width], parts: channels(parts), filters, upsampled })
    return (
      form && {
        inputs: ['dense', 'dense', ...all(parts, form === 'image' ? 'dense' : 'blocked')],
        outputs: all(types, form === 'head' ? 'dense' : 'blocked'),
      }
    )
  }
  if (op === 'ConvolutionInputGradient') {
    const [dy, filter, ...masks] = inputs
    const [height, width] = shape(filter) as [number, number]
    const form = formOf({
      size: [height, width],
      parts: types.map((type) => type.shape[3]!),
      filters: shape(dy)[3]!,
      upsampled,
    })
    return (
      form && {
        inputs: [form === 'head' ? 'dense' : 'blocked', 'dense', ...all(masks, 'blocked')],
        outputs: all(types, 'blocked'),
      }
    )
  }
  if (op === 'ConvolutionFilterGradient') {
    const [, ...parts] = inputs
    const [height, width, , filters] = types[0]!.shape as [number, number, number, number]
    const form = formOf({ size: [height, width], parts: channels(parts), filters, upsampled })
    return (
      form && {
        inputs: [form === 'head' ? 'dense' : 'blocked', ...all(parts, form === 'image' ? 'dense' : 'blocked')],
        outputs: [],
      }
    )
  }
  if (op === 'ToDense' || op === 'ToBlocked')
    return { inputs: [op === 'ToDense' ? 'blocked' : 'dense'], outputs: [types[0]!.layout] }
  if (op === 'MaxPoolJoinGradient') return { inputs: all(inputs, 'blocked'), outputs: ['blocked'] }
  return undefined
}
