import type { Value } from '../ir/graph'
import { sameShape } from '../operations/operation'
import { editing, type GraphEditor } from './editor'

/**
 * tfjs's gradient of a ReLU reads the ReLU's input; its output tells the same, so that the input need not be kept:
 *
 *     z ─┬▶ Relu ──▶ y                                                z ──▶ Relu ──▶ y
 *        └▶ Step ─┬▶ Multiply ──▶ dz                    →                 dy, y ──▶ ReluGrad ──▶ dz
 *     dy ─────────┘
 *
 * Equal but where y is NaN, or is not positive and dy infinite or NaN: the product is NaN there, ReluGrad 0, as in TensorFlow.
 */
export const reluGradient = editing((graph) => {
  for (const number of graph.find('Step')) {
    const { inputs, attributes } = graph.node(number)
    if (Number(attributes.alpha ?? 0) !== 0) continue
    const y = reluOf(graph, inputs[0]!)
    if (!y) continue
    for (const user of graph.users({ node: number, output: 0 })) {
      const { op, inputs: factors, types } = graph.node(user)
      const dy = factors.find((input) => input!.node !== number)
      if (
        op !== 'Multiply' ||
        !dy ||
        types[0]!.dtype !== 'float32' ||
        !sameShape(graph.type(dy).shape, graph.type(y).shape)
      )
        continue
      graph.replace({ node: user, output: 0 }, graph.add(user, 'ReluGrad', [dy, y])[0]!)
    }
  }
})

/** The output of a ReLU whose input, or output, a value is. */
function reluOf(graph: GraphEditor, value: Value): Value | undefined {
  if (graph.made(value, 'Relu')) return value
  const { op, attributes } = graph.producer(value)
  if (op === 'Convolution' || op === 'FusedConv2D')
    return attributes.activation === 'relu' && value.output === 0 ? value : undefined
  const relu = graph.users(value).find((user) => graph.node(user).op === 'Relu')
  return relu === undefined ? undefined : { node: relu, output: 0 }
}
