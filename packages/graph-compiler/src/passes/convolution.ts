import type { Attributes, Value } from '../ir/graph'
import { channelsOf, formOf, isHalving, isSame, joinedParts, upsampledPart } from './convolution-forms'
import { editing, type GraphEditor } from './editor'

/**
 * What a convolution reads is joined or enlarged while it reads, and 2x2 maxima are taken while it writes:
 *
 *     a, b ──▶ Concat ──▶ FusedConv2D ─┬▶ y                               a, b ──▶ Convolution ─┬▶ y
 *                                      └▶ MaxPool ──▶ pooled         →                          └▶ pooled
 *     x ──▶ ResizeNearestNeighbor ──▶ FusedConv2D ──▶ y                   x ──▶ Convolution(upsampled) ──▶ y
 *
 * An activation that the fast kernel lacks follows it. Convolutions without a fast kernel stay as they are.
 */
export const convolution = editing((graph) => {
  for (const number of graph.find('Conv2D', 'FusedConv2D')) {
    const { inputs, attributes, types } = graph.node(number)
    const [x, filter, bias = null, prelu = null] = inputs
    const [height, width, , filters] = graph.type(filter!).shape as [number, number, number, number]
    if (prelu || types[0]!.dtype !== 'float32' || !isSame(attributes, [height, width])) continue

    const resized = height === 2 && width === 2 ? upsampledPart(graph, x!) : undefined
    const parts = resized ? [resized] : joinedParts(graph, x!)
    const upsampled = resized !== undefined
    const channels = parts.map((part) => channelsOf(graph, part))
    const form = formOf({ size: [height, width], parts: channels, filters, upsampled })
    if (!form) continue

    const wanted = activationOf(attributes)
    const activated = form === 'head' ? wanted.activation === 'linear' : FAST.includes(wanted.activation)
    const y = { node: number, output: 0 }
    const pools = form !== 'head' && activated ? halvings(graph, y) : []
    const fused = { ...(activated ? wanted : LINEAR), upsampled, pooled: pools.length > 0 }
    const [made, pooled] = graph.add(number, 'Convolution', [filter!, bias, ...parts], fused)
    for (const pool of pools) graph.replace(pool, pooled!)
    graph.replace(y, activated ? made! : activate(graph, made!, wanted))
  }
})

interface ActivationAttributes {
  activation: string
  leakyreluAlpha: number
}

const LINEAR: ActivationAttributes = { activation: 'linear', leakyreluAlpha: 0 }
/** Activations of the fast kernels. */
const FAST = ['linear', 'relu', 'relu6', 'leakyrelu']
/** Operations of FusedConv2D's activations. */
const OPERATIONS: Record<string, string> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
}

const activationOf = ({ activation = 'linear', leakyreluAlpha }: Attributes): ActivationAttributes => ({
  activation: String(activation),
  leakyreluAlpha: activation === 'leakyrelu' ? Number(leakyreluAlpha ?? 0.2) : 0,
})

function activate(graph: GraphEditor, z: Value, { activation, leakyreluAlpha }: ActivationAttributes): Value {
  const op = OPERATIONS[activation]
  if (!op)
    throw new Error(`FusedConv2D: got activation ${activation}, expected linear, ${Object.keys(OPERATIONS).join(', ')}`)
  return graph.add(z.node, op, [z], op === 'LeakyRelu' ? { alpha: leakyreluAlpha } : {})[0]!
}

/** What halves y by 2x2 maxima. */
const halvings = (graph: GraphEditor, y: Value): Value[] =>
  graph
    .users(y)
    .filter((user) => graph.node(user).op === 'MaxPool' && isHalving(graph.node(user).attributes, graph.type(y).shape))
    .map((node) => ({ node, output: 0 }))
