import type { TensorType, Value } from '../ir/graph'
import { sameValue } from '../ir/walk'
import { sameShape } from '../operations/operation'
import { findOperation } from '../operations/registry'
import { BLOCK, isHalving } from './convolution-forms'
import { editing, type GraphEditor } from './editor'

/**
 * Where a ReLU's output is pooled and also goes elsewhere (a skip connection), its gradient comes from one sweep:
 *
 *     dpooled ──▶ MaxPoolGrad(y) ─┐
 *     dskip ──────────────────────┴▶ Add ──▶ ReluGrad(y) ──▶ dz     →     y, pooled, dpooled, dskip ──▶ MaxPoolJoinGradient(masked) ──▶ dz
 *
 * with or without the sum, with or without the ReLU; for what comes from a convolution, whose layout has the kernel.
 */
export const maxPoolGradient = editing((graph) => {
  for (const number of graph.find('MaxPoolGrad')) {
    const { inputs, attributes, types } = graph.node(number)
    const [dpooled, y, pooled] = inputs as [Value, Value, Value]
    const { shape } = types[0]!
    if (!isHalving(attributes, shape) || shape[3]! % BLOCK !== 0 || !isOfConvolution(graph, y)) continue

    const gradient = { node: number, output: 0 }
    const sum = graph.soleUser(gradient, 'Add')
    const dskip = sum && graph.producer(sum).inputs.find((input) => !sameValue(input!, gradient))
    const joined = sum && dskip ? sum : gradient
    const relu = graph.soleUser(joined, 'ReluGrad')
    const masked = relu !== undefined && sameValue(graph.producer(relu).inputs[1]!, y)
    const dz = masked ? relu : joined
    const fused = graph.add(dz.node, 'MaxPoolJoinGradient', [y, pooled, dpooled, dskip ?? null], { masked })
    graph.replace(dz, fused[0]!)
  }
})

/** Does a value come from a convolution, by way of an activation at most? */
function isOfConvolution(graph: GraphEditor, value: Value, distance = 4): boolean {
  const { op, inputs, types } = graph.producer(value)
  if (op === 'Convolution') return true
  if (distance === 0 || findOperation(op)?.kind !== 'elementwise') return false
  const [{ shape }] = types as [TensorType]
  return inputs.some(
    (input) => input && sameShape(graph.type(input).shape, shape) && isOfConvolution(graph, input, distance - 1),
  )
}
