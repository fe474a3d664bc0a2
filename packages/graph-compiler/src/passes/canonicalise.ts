import type { Value } from '../ir/graph'
import { sameShape } from '../operations/operation'
import { editing, type GraphEditor } from './editor'

/**
 * One form for what means the same, so that the passes behind look for that form alone:
 *
 *     Identity(x), Cast(x) and Reshape(x) to its own dtype or shape           →  x
 *     ExpandDims(x)                                                           →  Reshape(x)
 *     Reshape(Reshape(x))                                                     →  Reshape(x)
 *     b + a, b · a, b = a                                                     →  a + b, a · b, a = b, by their numbers
 *     Sum(Pack(a, b, …)), over all, of scalars                                →  AddN(a, b, …)
 *     AddN(a), Concat(a)                                                      →  a
 *     AddN(a, b)                                                              →  a + b
 *
 * Values do not change, but for the order in which a sum of scalars is added up.
 */
export const canonicalise = editing((graph) => {
  for (const number of graph.find()) {
    const form = canonical(graph, number)
    if (form) graph.replace({ node: number, output: 0 }, form)
  }
})

/** In tfjs: a op b is b op a, to the bit. */
const COMMUTATIVE = ['Add', 'Multiply', 'Equal', 'NotEqual', 'LogicalAnd', 'LogicalOr', 'SquaredDifference']

function canonical(graph: GraphEditor, number: number): Value | undefined {
  const { op, inputs, attributes, types } = graph.node(number)
  const [x] = inputs as Value[]
  if (!x) return undefined
  const unchanged = sameShape(graph.type(x).shape, types[0]!.shape) && graph.type(x).dtype === types[0]!.dtype
  if (['Identity', 'Cast', 'Reshape', 'ExpandDims'].includes(op) && unchanged) return x
  if ((op === 'AddN' || op === 'Concat') && inputs.length === 1) return x
  if (op === 'AddN' && inputs.length === 2) return graph.add(number, 'Add', ordered(inputs as [Value, Value]))[0]

  const reshaped = graph.made(x, 'Reshape')
  if (op === 'ExpandDims' || (op === 'Reshape' && reshaped))
    return graph.add(number, 'Reshape', [reshaped?.inputs[0] ?? x], { shape: types[0]!.shape })[0]

  const pack = op === 'Sum' && types[0]!.shape.length === 0 ? graph.made(x, 'Pack') : undefined
  if (pack && graph.type(x).shape.length === 1 && types[0]!.dtype === graph.type(x).dtype)
    return graph.add(number, 'AddN', pack.inputs)[0]

  if (!COMMUTATIVE.includes(op)) return undefined
  const operands = ordered(inputs as [Value, Value])
  return operands[0] === x ? undefined : graph.add(number, op, operands, attributes)[0]
}

const ordered = ([a, b]: [Value, Value]): [Value, Value] =>
  a.node < b.node || (a.node === b.node && a.output <= b.output) ? [a, b] : [b, a]
