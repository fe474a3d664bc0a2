import type { Graph, Value } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { valueKey } from '../ir/walk'
import { isReduction } from '../operations/fused/sweeps'
import { sameShape } from '../operations/operation'
import { GraphEditor, type Pass } from './editor'
import { fitsOneSweep, isConstant, sizeOfShape, sweepOf } from './elementwise-sweeps'
import { Groups } from './groups'
import { blockedValues } from './layouts'

/**
 * Elementwise operations over one shape become one sweep, which reads each tensor once and writes only what others need; sums
 * and means over the whole shape end in it, constants are part of it:
 *
 *     x ──▶ Sigmoid ─┬▶ p                                                 x, y ──▶ Elementwise ─┬▶ p
 *                    ├▶ Multiply(y) ──▶ Sum ──▶ overlap          →                              ├▶ overlap
 *                    └▶ Sum ──▶ total                                                           └▶ total
 *
 * Joined are neighbours (one reads what the other makes), siblings (both read one tensor of the shape) and, whatever their
 * shapes, small ones: those of a step's variables, say. Then one node has several sweeps (`sweepsOf`), none of which reads
 * what another makes. Values do not change.
 */
export const elementwise: Pass = (graph) => {
  const grouping = new Grouping(graph)
  // The largest first: where not both of two merges can be, it is the one that saves more.
  for (const nodes of grouping.byShape()) {
    // From the end, so that what can be computed where it is needed is not computed, and written, long before.
    for (const node of [...nodes].reverse()) grouping.joinNeighbours(node)
    grouping.joinSiblings(nodes)
  }
  grouping.joinSmall()

  const editor = new GraphEditor(graph)
  for (const members of grouping.groups()) fuse(editor, members)
  return editor.result()
}

/** Groups that a node is tried to be joined to: whether that makes a cycle takes a walk through the graph. */
const MOST_TRIED = 4
/** A sweep over at most this many values costs little but its own beginning. */
const SMALL = 2 ** 20

class Grouping {
  /** Of each node the shape that it goes over, if it can be part of a sweep. */
  private readonly shapes: readonly (readonly number[] | null)[]
  private readonly joined: Groups
  private readonly readers: number[][]

  constructor(private readonly graph: Graph) {
    this.shapes = graph.nodes.map((_, i) => {
      const shape = sweepOf(graph, i)
      return shape && fitsOneSweep(graph, shape, new Set([i]), () => true) ? shape : null
    })
    this.joined = new Groups(graph)
    this.readers = graph.nodes.map(() => [])
    for (const [i, { inputs }] of graph.nodes.entries())
      for (const input of inputs) if (input) this.readers[input.node]!.push(i)
    for (const { node } of graph.outputs) this.readers[node]!.push(graph.nodes.length)
  }

  /** Nodes of one shape each, the largest shapes first. */
  byShape(): number[][] {
    const nodes = new Map<string, number[]>()
    for (const [i, shape] of this.shapes.entries())
      if (shape) nodes.set(String(shape), [...(nodes.get(String(shape)) ?? []), i])
    return [...nodes.values()].sort(([a], [b]) => this.size(b!) - this.size(a!))
  }

  joinNeighbours(node: number): void {
    for (const input of this.graph.nodes[node]!.inputs)
      if (input && this.isAlike(input.node, node)) this.join(input.node, node)
  }

  /** Joins those of the nodes, which are of one shape, that read the same tensor of that shape. */
  joinSiblings(nodes: readonly number[]): void {
    const readers = new Map<string, number[]>()
    for (const node of nodes)
      for (const input of this.graph.nodes[node]!.inputs)
        if (input && sameShape(typeOf(this.graph, input).shape, this.shapes[node]!))
          readers.set(valueKey(input), [...(readers.get(valueKey(input)) ?? []), node])
    for (const siblings of readers.values()) joinEach(siblings, (a, b) => this.join(a, b))
  }

  /**
   * Joins small groups that do not depend on each other: a variable's part of an update those of all others. Not those between
   * convolutions, which may go over blocked tensors: they stay among themselves.
   */
  joinSmall(): void {
    const blocked = blockedValues(this.graph)
    const isApart = (node: number) =>
      [{ node, output: 0 }, ...this.graph.nodes[node]!.inputs].some((value) => blocked.has(valueKey(value!)))
    const alike = new Map<number, number[]>()
    for (const [group, height] of this.joined.heights()) {
      const members = this.joined.nodesOf(group)
      if (members.every((node) => this.shapes[node] && this.size(node) <= SMALL && !isApart(node)))
        alike.set(height, [...(alike.get(height) ?? []), group])
    }
    for (const groups of alike.values()) this.joined.mergeAlike(groups)
    const left = [...alike.values()].map(([first]) => this.joined.nodesOf(this.joined.of(first!))[0]!)
    joinEach(left, (a, b) => this.joined.merge(a, b))
  }

  /** The nodes of each group that is to be one node. */
  groups(): (readonly number[])[] {
    return [...this.shapes.keys()]
      .map((first) => this.joined.nodesOf(first))
      .filter((members) => members.length > 1 || (members.length === 1 && this.readsConstant(members[0]!)))
  }

  /** Makes one sweep of two groups, if it is not too much for one and makes no cycle. */
  private join(a: number, b: number): boolean {
    const [from, to] = [this.joined.of(a), this.joined.of(b)]
    if (from === to) return true
    if (!this.isOneSweep(from, to)) return false
    return this.joined.merge(from, to, ({ node }) => !isReduction(this.graph.nodes[node]!.op))
  }

  /** Are the two together small enough for one sweep? */
  private isOneSweep(a: number, b: number): boolean {
    const members = new Set([...this.joined.nodesOf(a), ...this.joined.nodesOf(b)])
    return fitsOneSweep(this.graph, this.shapes[a]!, members, (node) =>
      this.readers[node]!.some((reader) => !members.has(reader)),
    )
  }

  private isAlike(a: number, b: number): boolean {
    const [shape, other] = [this.shapes[a], this.shapes[b]]
    return !!shape && !!other && sameShape(shape, other)
  }

  private size(node: number): number {
    return sizeOfShape(this.shapes[node]!)
  }

  private readsConstant(node: number): boolean {
    const { inputs } = this.graph.nodes[node]!
    const constants = inputs.filter((input) => input && isConstant(this.graph.nodes[input.node]!))
    return this.shapes[node] !== null && constants.length > 0 && constants.length < inputs.length
  }
}

/** Joins each node with one of those before it, if one of the last few will. */
function joinEach(nodes: readonly number[], join: (a: number, b: number) => boolean): void {
  const firsts: number[] = []
  for (const node of nodes) if (!firsts.slice(-MOST_TRIED).some((first) => join(first, node))) firsts.push(node)
}

function fuse(graph: GraphEditor, members: readonly number[]): void {
  const read = new Map<string, Value>()
  for (const member of members)
    for (const input of graph.node(member).inputs)
      if (!members.includes(input!.node)) read.set(valueKey(input!), input!)
  const constants = [...read.values()].filter((value) => isConstant(graph.producer(value)))
  const inputs = [...read.values()].filter((value) => !constants.includes(value))
  if (inputs.length === 0) return

  const values = [...inputs, ...constants, ...members.map((node) => ({ node, output: 0 }))]
  const places = new Map(values.map((value, i) => [valueKey(value), i]))
  const steps = values.slice(inputs.length).map((value) => {
    const { op, inputs: operands, attributes } = graph.producer(value)
    return { op, inputs: operands.map((operand) => places.get(valueKey(operand!))!), attributes }
  })
  const results = members
    .map((node) => ({ node, output: 0 }))
    .filter((value) => graph.isOutput(value) || graph.users(value).some((user) => !members.includes(user)))
  const attributes = { steps, results: results.map((value) => places.get(valueKey(value))!) }
  graph.replaceAll(results, graph.add(members.at(-1)!, 'Elementwise', inputs, attributes))
}
