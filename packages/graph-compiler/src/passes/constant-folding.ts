import type { DataType } from '@tensorflow/tfjs-core'
import type { TensorType, Value } from '../ir/graph'
import { sameShape } from '../operations/operation'
import { editing, type GraphEditor } from './editor'

/**
 * What is known without running is not computed. Tensors of one constant stay `Fill`, whatever is done to them, and what a
 * constant leaves as it is falls away:
 *
 *     ZerosLike(x), OnesLike(x)                        →  Fill(0), Fill(1)
 *     Reshape, Tile, Slice, Transpose, Cast of Fill(c) →  Fill(c)
 *     Fill(c) op Fill(d), Sqrt(Fill(c)) …              →  Fill(result), for operations that float32 rounds exactly
 *     x · 1, x / 1, x − 0, x ^ 1                       →  x
 *
 * To the bit: x + 0 stays, because it makes a 0 of −0. Values of inputs are never looked at.
 */
export const constantFolding = editing((graph) => {
  for (const number of graph.find()) {
    const { types } = graph.node(number)
    if (types.length !== 1) continue
    const constant = constantOf(graph, number)
    const unchanged = constant === undefined ? unchangedOf(graph, number) : undefined
    const value = constant === undefined ? unchanged : fill(graph, number, constant, types[0]!)
    if (value) graph.replace({ node: number, output: 0 }, value)
  }
})

const fill = (graph: GraphEditor, at: number, value: number, { shape, dtype }: TensorType) =>
  graph.add(at, 'Fill', [], { shape, value, dtype })[0]

/** Operations that are rounded exactly, so that any backend gives these bits. */
const EXACT: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Multiply: (a, b) => a * b,
  RealDiv: (a, b) => a / b,
  Neg: (a) => -a,
  Square: (a) => a * a,
  Sqrt: (a) => Math.sqrt(a),
}
const MOVING = ['Reshape', 'Identity', 'Tile', 'Slice', 'Transpose']

/** The one value that all elements of a node's output have, if they do; undefined where that is no new knowledge. */
function constantOf(graph: GraphEditor, number: number): number | undefined {
  const { op, inputs, types } = graph.node(number)
  const { dtype } = types[0]!
  if (op === 'ZerosLike' || op === 'OnesLike')
    return dtype === 'float32' || dtype === 'int32' || dtype === 'bool' ? Number(op === 'OnesLike') : undefined
  const constants = inputs.map((input) => filled(graph, input))
  if (inputs.length === 0 || constants.includes(undefined)) return undefined
  const [a, b] = constants as number[]
  if (MOVING.includes(op)) return a
  if (op === 'Cast') return cast(a!, graph.type(inputs[0]!).dtype, dtype)
  return dtype === 'float32' && EXACT[op] ? Math.fround(EXACT[op](a!, b!)) : undefined
}

/** The value of a constant tensor of numbers, as its dtype has it. */
function filled(graph: GraphEditor, value: Value | null): number | undefined {
  const constant = graph.made(value, 'Fill')
  if (typeof constant?.attributes.value !== 'number') return undefined
  return constant.types[0]!.dtype === 'float32' ? Math.fround(constant.attributes.value) : constant.attributes.value
}

function cast(value: number, from: DataType, to: DataType): number | undefined {
  if (to === 'bool') return from === 'complex64' ? undefined : Number(value !== 0)
  if (to === 'int32') return Math.abs(value) < 2 ** 31 ? value | 0 : undefined
  return to === 'float32' ? Math.fround(value) : undefined
}

/** x and a constant that changes nothing: operation → the constant, and whether either operand may be it. */
const NEUTRAL: Record<string, { constant: number; either: boolean }> = {
  Multiply: { constant: 1, either: true },
  RealDiv: { constant: 1, either: false },
  Sub: { constant: 0, either: false },
  Pow: { constant: 1, either: false },
}

function unchangedOf(graph: GraphEditor, number: number): Value | undefined {
  const { op, inputs, types } = graph.node(number)
  const neutral = NEUTRAL[op]
  if (!neutral) return undefined
  const [a, b] = inputs as [Value, Value]
  const fits = (x: Value, c: Value) =>
    Object.is(filled(graph, c), neutral.constant) &&
    sameShape(graph.type(x).shape, types[0]!.shape) &&
    graph.type(x).dtype === types[0]!.dtype
  if (fits(a, b)) return a
  return neutral.either && fits(b, a) ? b : undefined
}
