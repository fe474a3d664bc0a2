import type { Graph, Node, TensorType, Value } from '../ir/graph'
import { internAttributes, nodeId } from '../ir/intern'
import { KeyWriter } from '../ir/key'
import type { Handle, Pending } from './handle'

/** A graph with what it is to run on. */
export interface Flushed<Leaf> {
  /** Equal for equal graphs: `graphKey(graph)`. */
  readonly key: string
  /** Made when it is first asked for: whoever knows the key does not need it. */
  readonly graph: Graph
  /** One for each of the graph's inputs. */
  readonly inputs: readonly Leaf[]
  /** One for each of the graph's outputs. */
  readonly outputs: readonly Handle<Leaf>[]
}

interface Cut<Leaf> {
  flushed: Flushed<Leaf> | undefined
  /** What stays pending. */
  rest: Pending<Leaf>[]
  /** What does not: what is in the graph, and what nothing needs. */
  gone: Pending<Leaf>[]
}

const NONE = internAttributes({}).value

/** Cuts a graph out of the pending nodes. What is `inside` must not read what is not. */
export function cutGraph<Leaf>(pending: readonly Pending<Leaf>[], inside: (node: Pending<Leaf>) => boolean): Cut<Leaf> {
  markNeeded(pending)
  const nodes: Pending<Leaf>[] = []
  const rest: Pending<Leaf>[] = []
  const gone: Pending<Leaf>[] = []
  for (const node of pending) {
    const taken = inside(node)
    if (node.needed && taken) nodes.push(node)
    if (node.needed && !taken) rest.push(node)
    else gone.push(node)
  }
  const waiting = new Set(rest.flatMap(({ inputs }) => inputs)) // what the rest will read
  return { flushed: nodes.length > 0 ? graphOf(nodes, waiting) : undefined, rest, gone }
}

/** Marks the nodes that live handles need, from the last to the first. */
function markNeeded<Leaf>(pending: readonly Pending<Leaf>[]): void {
  for (const node of pending) node.needed = false
  for (let i = pending.length - 1; i >= 0; i--) {
    const node = pending[i]!
    if (!node.needed && !node.outputs.some(({ live }) => live)) continue
    node.needed = true
    for (const input of node.inputs) if (input?.source) input.source.needed = true
  }
}

function graphOf<Leaf>(nodes: readonly Pending<Leaf>[], waiting: ReadonlySet<Handle<Leaf> | null>): Flushed<Leaf> {
  const leaves: Handle<Leaf>[] = []
  for (const { inputs } of nodes)
    for (const handle of inputs)
      if (handle && !handle.source && handle.input < 0) handle.input = leaves.push(handle) - 1

  const key = new KeyWriter()
  for (const { type } of leaves) key.node(nodeId('Input', NONE, [type]), 0)
  const reads: number[] = [] // the values that each node reads, one node after the other
  let values = leaves.length
  for (const node of nodes) {
    node.first = values
    values += node.outputs.length
    key.node(node.id, node.inputs.length)
    for (const handle of node.inputs) {
      const value = handle === null ? -1 : handle.source ? handle.source.first + handle.output : handle.input
      reads.push(value)
      key.value(value)
    }
  }

  const outputs = nodes.flatMap((node) => node.outputs.filter((handle) => handle.live || waiting.has(handle)))
  const results = outputs.map(({ source, output }) => source!.first + output)
  key.outputs(results.length)
  for (const value of results) key.value(value)

  for (const handle of leaves) handle.input = -1
  for (const node of nodes) for (const handle of node.outputs) handle.source = undefined

  const types = leaves.map(({ type }) => type)
  let graph: Graph | undefined
  return {
    key: key.finish(),
    get graph() {
      graph ??= makeGraph(types, nodes, reads, results)
      return graph
    },
    inputs: leaves.map(({ leaf }) => leaf!),
    outputs,
  }
}

function makeGraph<Leaf>(
  inputs: readonly TensorType[],
  pending: readonly Pending<Leaf>[],
  reads: readonly number[],
  results: readonly number[],
): Graph {
  const values: Value[] = []
  const nodes: Node[] = inputs.map((type, node) => {
    values.push({ node, output: 0 })
    return { op: 'Input', inputs: [], attributes: NONE, types: [type] }
  })
  let read = 0
  for (const { op, inputs, attributes, types } of pending) {
    const operands = inputs.map(() => values[reads[read++]!] ?? null)
    types.forEach((_, output) => {
      values.push({ node: nodes.length, output })
    })
    nodes.push({ op, inputs: operands, attributes, types })
  }
  return { nodes, outputs: results.map((value) => values[value]!) }
}
