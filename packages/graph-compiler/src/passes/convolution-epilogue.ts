import type { Attributes, Value } from '../ir/graph'
import { editing, type GraphEditor } from './editor'

/**
 * A bias and an activation join their convolution, as tfjs-layers leaves them when it trains:
 *
 *     x, filter ──▶ Conv2D ──▶ Add(bias) ──▶ Relu ──▶ y        →        x, filter, bias ──▶ FusedConv2D(relu) ──▶ y
 *
 * where nothing else reads what lies between.
 */
export const convolutionEpilogue = editing((graph) => {
  for (const number of graph.find('Conv2D', 'FusedConv2D')) {
    const { inputs, attributes, types } = graph.node(number)
    const [x, filter, ownBias = null, prelu = null] = inputs
    const plain = !prelu && ['linear', undefined].includes(attributes.activation as string | undefined)
    if (!plain || types[0]!.dtype !== 'float32' || (attributes.dataFormat ?? 'NHWC') !== 'NHWC') continue

    const conv = { node: number, output: 0 }
    const biased = ownBias ? undefined : biasBehind(graph, conv)
    const activated = activationBehind(graph, biased?.sum ?? conv)
    const y = activated?.y ?? biased?.sum
    if (!y) continue
    const bias = ownBias ?? biased?.bias ?? null
    const fused = { ...attributes, activation: 'linear', ...activated?.attributes }
    graph.replace(y, graph.add(y.node, 'FusedConv2D', [x!, filter!, bias, null], fused)[0]!)
  }
})

/** The node that alone reads a value. */
function onlyUser(graph: GraphEditor, value: Value): number | undefined {
  return graph.uses(value) === 1 ? graph.users(value)[0] : undefined
}

function biasBehind(graph: GraphEditor, conv: Value): { sum: Value; bias: Value } | undefined {
  const user = onlyUser(graph, conv)
  if (user === undefined || graph.node(user).op !== 'Add') return undefined
  const bias = graph.node(user).inputs.find((input) => input!.node !== conv.node)!
  const { shape, dtype } = graph.type(bias)
  const fits = dtype === 'float32' && shape.length === 1 && shape[0] === graph.type(conv).shape[3]
  return fits ? { sum: { node: user, output: 0 }, bias } : undefined
}

const ACTIVATIONS: Record<string, string> = {
  Relu: 'relu',
  Relu6: 'relu6',
  Elu: 'elu',
  Sigmoid: 'sigmoid',
  LeakyRelu: 'leakyrelu',
}

function activationBehind(graph: GraphEditor, value: Value): { y: Value; attributes: Attributes } | undefined {
  const user = onlyUser(graph, value)
  if (user === undefined) return undefined
  const { op, attributes } = graph.node(user)
  const activation = ACTIVATIONS[op]
  if (!activation) return undefined
  const slope: Attributes = op === 'LeakyRelu' ? { leakyreluAlpha: attributes.alpha! } : {}
  return { y: { node: user, output: 0 }, attributes: { activation, ...slope } }
}
