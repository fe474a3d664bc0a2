import type { Attributes, Graph, Value } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { GraphEditor, type Pass } from './editor'
import { Groups } from './groups'

/**
 * Elementwise operations over one shape become one sweep, which reads each tensor once and writes only what others need; sums
 * and means over the whole shape end in it:
 *
 *     x ──▶ Sigmoid ─┬▶ p                                                 x, y ──▶ Elementwise ─┬▶ p
 *                    ├▶ Multiply(y) ──▶ Sum ──▶ overlap          →                              ├▶ overlap
 *                    └▶ Sum ──▶ total                                                           └▶ total
 *
 * Joined are neighbours (one reads what the other makes), siblings (both read one tensor of the shape) and, whatever their
 * shapes, small ones: those of a step's variables and scalars. Values do not change.
 */
export const elementwise: Pass = (graph) => {
  const sweeps = graph.nodes.map((_, i) => sweepOf(graph, i))
  const groups = new Groups(graph)
  const staysInside = ({ node }: Value) => !isReduction(graph.nodes[node]!.op)

  // The largest first: where not both of two merges can be, it is the one that saves more.
  for (const nodes of bySize(sweeps)) {
    const shape = sweeps[nodes[0]!]!
    for (const node of nodes)
      for (const input of graph.nodes[node]!.inputs)
        if (input && sweeps[input.node] && same(sweeps[input.node]!, shape)) groups.merge(input.node, node, staysInside)
    for (const siblings of readers(graph, nodes, shape)) joinAll(groups, siblings, staysInside)
  }
  joinAll(
    groups,
    [...sweeps.keys()].filter((i) => sweeps[i] && size(sweeps[i]) <= SMALL),
  )
  return fused(graph, groups)
}

/** Over fewer values than this, a sweep's own cost counts, not its memory. */
const SMALL = 2 ** 20

/** float32 unless said otherwise. */
const FLOAT = [
  ...[
    'Abs',
    'Neg',
    'Exp',
    'Expm1',
    'Log',
    'Log1p',
    'Sqrt',
    'Rsqrt',
    'Square',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Elu',
    'LeakyRelu',
  ],
  ...['Sigmoid', 'Softplus', 'Tanh', 'Step', 'ClipByValue', 'RealDiv', 'Pow', 'SquaredDifference', 'Prelu', 'ReluGrad'],
]
/** int32, too. */
const NUMBER = ['Add', 'Sub', 'Multiply', 'Maximum', 'Minimum', 'FloorDiv', 'AddN', 'Neg', 'Abs', 'Square']
/** Of numbers of either kind to bool. */
const COMPARISON = ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual']
/** bool. */
const LOGICAL = ['LogicalAnd', 'LogicalOr', 'LogicalNot']
const ANY = ['Select', 'Cast', 'Fill', 'ZerosLike', 'OnesLike']

const isReduction = (op: string) => op === 'Sum' || op === 'Mean'
const size = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1)
const same = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((side, i) => side === b[i])

/** The shape that a node goes over, if it can be part of a sweep. */
function sweepOf(graph: Graph, number: number): readonly number[] | null {
  const { op, inputs, attributes, types } = graph.nodes[number]!
  if (types.length !== 1 || inputs.includes(null)) return null
  const operands = [...inputs.map((input) => typeOf(graph, input!)), types[0]!]
  if (operands.some(({ layout }) => layout !== 'dense')) return null
  const dtypes = new Set(operands.map(({ dtype }) => dtype))
  const only = (...allowed: string[]) => [...dtypes].every((dtype) => allowed.includes(dtype))
  if (isReduction(op)) {
    const { shape } = operands[0]!
    return only('float32') && size(shape) > 0 && isOverAll(attributes, shape) ? shape : null
  }
  const can =
    (FLOAT.includes(op) && only('float32')) ||
    (NUMBER.includes(op) && only('float32', 'int32') && dtypes.size === 1) ||
    (COMPARISON.includes(op) && only('float32', 'int32', 'bool')) ||
    (LOGICAL.includes(op) && only('bool')) ||
    (ANY.includes(op) && only('float32', 'int32', 'bool'))
  if (op === 'Select' && !same(operands[0]!.shape, types[0]!.shape)) return null
  return can && size(types[0]!.shape) > 0 ? types[0]!.shape : null
}

function isOverAll({ axis }: Attributes, shape: readonly number[]): boolean {
  const axes = new Set((Array.isArray(axis) ? axis : [axis]).map((i) => (i < 0 ? i + shape.length : i)))
  return axis === null || axis === undefined || shape.every((side, i) => side === 1 || axes.has(i))
}

/** Nodes of one shape each, the largest shapes first. */
function bySize(sweeps: readonly (readonly number[] | null)[]): number[][] {
  const nodes = new Map<string, number[]>()
  sweeps.forEach((shape, i) => {
    if (shape) nodes.set(String(shape), [...(nodes.get(String(shape)) ?? []), i])
  })
  return [...nodes.values()].sort(([a], [b]) => size(sweeps[b!]!) - size(sweeps[a!]!))
}

/** Which of the nodes read each value of that shape. */
function readers(graph: Graph, nodes: readonly number[], shape: readonly number[]): Iterable<readonly number[]> {
  const readers = new Map<string, number[]>()
  for (const node of nodes)
    for (const input of graph.nodes[node]!.inputs)
      if (input && same(typeOf(graph, input).shape, shape))
        readers.set(key(input), [...(readers.get(key(input)) ?? []), node])
  return readers.values()
}

/** Joins all that do not depend on each other, beginning with the first. */
function joinAll(groups: Groups, nodes: readonly number[], inside?: (value: Value) => boolean): void {
  const joined: number[] = []
  for (const node of nodes)
    if (!joined.some((first) => groups.of(first) === groups.of(node)))
      if (!joined.some((first) => groups.merge(first, node, inside))) joined.push(node)
}

/** Every group of several nodes as one node. */
function fused(graph: Graph, groups: Groups): Graph {
  const editor = new GraphEditor(graph)
  for (const first of graph.nodes.keys()) {
    const members = groups.nodesOf(first)
    if (members.length > 1) fuse(editor, members)
  }
  return editor.result()
}

function fuse(graph: GraphEditor, members: readonly number[]): void {
  const inputs = new Map<string, Value>()
  const external = members
    .flatMap((member) => graph.node(member).inputs)
    .filter((input) => !members.includes(input!.node))
  for (const input of external) inputs.set(key(input!), input!)
  const places = new Map<string, number>([...inputs.keys()].map((input, i) => [input, i]))
  const steps = members.map((member, i) => {
    const { op, inputs: operands, attributes } = graph.node(member)
    places.set(key({ node: member, output: 0 }), inputs.size + i)
    return { op, inputs: operands.map((operand) => places.get(key(operand!))!), attributes }
  })
  const results = members
    .map((node) => ({ node, output: 0 }))
    .filter((value) => graph.isOutput(value) || graph.users(value).some((user) => !members.includes(user)))
  const attributes = { steps, results: results.map((value) => places.get(key(value))!) }
  const fused = graph.add(members.at(-1)!, 'Elementwise', [...inputs.values()], attributes)
  graph.replaceAll(results, fused)
}

const key = ({ node, output }: Value) => `${node}.${output}`
