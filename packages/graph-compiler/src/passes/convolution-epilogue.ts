import type { Attributes, Value } from '../ir/graph'
import { sameValue } from '../ir/walk'
import { sameShape } from '../operations/operation'
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

function biasBehind(graph: GraphEditor, conv: Value): { sum: Value; bias: Value } | undefined {
  const sum = graph.soleUser(conv, 'Add')
  const bias = sum && graph.producer(sum).inputs.find((input) => !sameValue(input, conv))
  if (!bias) return undefined
  const { shape, dtype } = graph.type(bias)
  return dtype === 'float32' && sameShape(shape, graph.type(conv).shape.slice(3)) ? { sum, bias } : undefined
}

const ACTIVATIONS: Record<string, string> = {
  Relu: 'relu',
  Relu6: 'relu6',
  Elu: 'elu',
  Sigmoid: 'sigmoid',
  LeakyRelu: 'leakyrelu',
}

function activationBehind(graph: GraphEditor, value: Value): { y: Value; attributes: Attributes } | undefined {
  const y = graph.soleUser(value, ...Object.keys(ACTIVATIONS))
  if (!y) return undefined
  const { op, attributes } = graph.producer(y)
  const slope: Attributes = op === 'LeakyRelu' ? { leakyreluAlpha: attributes.alpha! } : {}
  return { y, attributes: { activation: ACTIVATIONS[op]!, ...slope } }
}
