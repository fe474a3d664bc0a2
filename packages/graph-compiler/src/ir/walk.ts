import { GraphBuilder } from './builder'
import type { Graph, Node, Value } from './graph'

// What passes need to look around in a graph, and to make another of it.

/**
 * A place where a value is read: input number `input` of a node, or with `node` null output number `input` of the
 * graph.
 */
export interface Use {
  readonly node: number | null
  readonly input: number
}

/** Who reads each value; outputs of the graph come last. */
export function usesOf({ nodes, outputs }: Graph): (value: Value) => readonly Use[] {
  const uses: Use[][][] = nodes.map(({ types }) => types.map(() => []))
  nodes.forEach(({ inputs }, node) => {
    inputs.forEach((value, input) => {
      if (value) uses[value.node]![value.output]!.push({ node, input })
    })
  })
  outputs.forEach(({ node, output }, input) => {
    uses[node]![output]!.push({ node: null, input })
  })
  return ({ node, output }) => uses[node]![output]!
}

export const sameValue = (a: Value | null, b: Value | null): boolean =>
  a === b || (a !== null && b !== null && a.node === b.node && a.output === b.output)

/** A value as a key for a Map or a Set. */
export const valueKey = ({ node, output }: Value): string => `${node}.${output}`

/** For each node, whether the outputs need it. */
export function liveNodes({ nodes, outputs }: Graph): boolean[] {
  const live = nodes.map(() => false)
  for (const { node } of outputs) live[node] = true
  for (let i = nodes.length - 1; i >= 0; i--)
    if (live[i]) for (const value of nodes[i]!.inputs) if (value) live[value.node] = true
  return live
}

/** The numbers of the `Input` nodes, in the order of the graph's inputs. */
export const inputNodes = ({ nodes }: Graph): number[] => nodes.flatMap(({ op }, i) => (op === 'Input' ? [i] : []))

/**
 * A new graph of the nodes of this one, in order, each as `visit` wants it.
 *
 * `visit` gets a node whose inputs are values of the new graph already, its number in the old one, and the builder; it
 * returns the values that take the place of the node's outputs, or undefined to keep the node as it is. Nodes that
 * nothing needs any more are left out of the result; inputs stay.
 */
export function rewrite(
  graph: Graph,
  visit: (node: Node, index: number, builder: GraphBuilder) => readonly Value[] | undefined,
): Graph {
  const builder = new GraphBuilder()
  const values: (readonly Value[])[] = []
  const renamed = ({ node, output }: Value) => values[node]![output]!
  graph.nodes.forEach((node, index) => {
    const moved = { ...node, inputs: node.inputs.map((value) => value && renamed(value)) }
    values.push(visit(moved, index, builder) ?? builder.push(moved))
  })
  return prune(builder.build(graph.outputs.map(renamed)))
}

/**
 * The graph without the nodes that its outputs do not need. Inputs stay, so that whoever gives their values need not
 * know.
 */
export function prune(graph: Graph): Graph {
  const live = liveNodes(graph)
  const keep = graph.nodes.flatMap(({ op }, i) => (live[i] || op === 'Input' ? [i] : []))
  return keep.length === graph.nodes.length ? graph : renumber(graph, keep)
}

/**
 * The graph with only the nodes `order`, in that order: an order in which they can run, with all that they and the
 * outputs need.
 */
export function renumber({ nodes, outputs }: Graph, order: readonly number[]): Graph {
  const place = new Map(order.map((old, index) => [old, index]))
  const moved = ({ node, output }: Value): Value => {
    const index = place.get(node)
    if (index === undefined) throw new Error(`got an order without node %${node}, expected all that is needed`)
    return { node: index, output }
  }
  return {
    nodes: order.map((old) => {
      const node = nodes[old]!
      return { ...node, inputs: node.inputs.map((value) => value && moved(value)) }
    }),
    outputs: outputs.map(moved),
  }
}

/**
 * The graph in which `by(value)`, where it gives one, is read in a value's place. What takes the place must come
 * earlier.
 */
export function replaceValues(graph: Graph, by: (value: Value) => Value | undefined): Graph {
  const replaced = (value: Value) => by(value) ?? value
  return prune({
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((value) => value && replaced(value)) })),
    outputs: graph.outputs.map(replaced),
  })
}

/**
 * The part of a graph that computes `wanted`, as a graph of its own.
 * @param inside whether a node belongs to it; what others give becomes an input. Default: all that is needed.
 */
export function subgraph(graph: Graph, wanted: readonly Value[], inside: (node: number) => boolean = () => true) {
  const builder = new GraphBuilder()
  /** Of the part's inputs: the values of `graph`. */
  const inputs: Value[] = []
  const live = liveNodes({ nodes: cut(graph, inside), outputs: wanted })
  const values: (readonly Value[])[] = []
  graph.nodes.forEach((node, index) => {
    if (!live[index]) values.push([])
    else if (inside(index) && node.op !== 'Input') {
      const moved = node.inputs.map((value) => value && values[value.node]![value.output]!)
      values.push(builder.push({ ...node, inputs: moved }))
    } else {
      values.push(node.types.map((type) => builder.input(type)))
      node.types.forEach((_, output) => {
        inputs.push({ node: index, output })
      })
    }
  })
  return { graph: builder.build(wanted.map(({ node, output }) => values[node]![output]!)), inputs }
}

/** Nodes outside do not need anything. */
const cut = ({ nodes }: Graph, inside: (node: number) => boolean): Node[] =>
  nodes.map((node, index) => (inside(index) ? node : { ...node, inputs: [] }))
