import type { Attributes, Graph, Node, TensorType, Value } from '../ir/graph'
import { sameValue } from '../ir/walk'
import { signatureOf } from '../operations/table'

/** What a pass is. It returns the graph it was given where there is nothing to change. */
export type Pass = (graph: Graph) => Graph

/** A pass that changes a graph step by step; what nothing needs any more is gone afterwards. */
export const editing =
  (change: (editor: GraphEditor) => void): Pass =>
  (graph) => {
    const editor = new GraphEditor(graph)
    change(editor)
    return editor.result()
  }

/**
 * A graph while a pass changes it. Nodes keep their numbers, new ones get the next; uses are counted as of now, so a node
 * that lost its last use is gone and counts for nothing.
 */
export class GraphEditor {
  private readonly nodes: (Node | null)[]
  /** Of each node where it is to run, near which old one. */
  private readonly places: number[]
  private readonly outputs: Value[]
  /** Of each node and output the nodes that read it, once for each time. */
  private readonly readers: number[][][]
  private changed = false

  constructor(private readonly graph: Graph) {
    this.nodes = [...graph.nodes]
    this.places = graph.nodes.map((_, i) => i)
    this.outputs = [...graph.outputs]
    this.readers = graph.nodes.map(({ types }) => types.map(() => []))
    for (const [i, node] of graph.nodes.entries()) this.read(node, i)
  }

  /** Numbers of the nodes there are, in an order in which they can run; of one operation or several, or of all. */
  *find(...ops: string[]): Generator<number> {
    const order = this.places.map((_, i) => i).sort((a, b) => this.places[a]! - this.places[b]! || a - b)
    for (const i of order) {
      const op = this.nodes[i]?.op
      if (op !== undefined && (ops.length === 0 || ops.includes(op))) yield i
    }
  }

  node(number: number): Node {
    return this.nodes[number]!
  }

  outputsOf(number: number): Value[] {
    return this.node(number).types.map((_, output) => ({ node: number, output }))
  }

  producer(value: Value): Node {
    return this.node(value.node)
  }

  /** The node that makes a value, if it is one of these operations. */
  made(value: Value | null | undefined, ...ops: string[]): Node | undefined {
    if (!value) return undefined
    const node = this.producer(value)
    return ops.includes(node.op) ? node : undefined
  }

  type({ node, output }: Value): TensorType {
    return this.node(node).types[output]!
  }

  /** Nodes that read a value, each once. */
  users({ node, output }: Value): number[] {
    return [...new Set(this.readers[node]![output]!)]
  }

  /** How often a value is read, by nodes or as an output of the graph. */
  uses(value: Value): number {
    return (
      this.readers[value.node]![value.output]!.length + this.outputs.filter((output) => sameValue(output, value)).length
    )
  }

  /** The output of the one node that reads a value, where it is the only one that needs it and is of one of these operations. */
  soleUser(value: Value, ...ops: string[]): Value | undefined {
    const [user] = this.users(value)
    return user !== undefined && this.uses(value) === 1 && ops.includes(this.node(user).op)
      ? { node: user, output: 0 }
      : undefined
  }

  isOutput(value: Value): boolean {
    return this.outputs.some((output) => sameValue(output, value))
  }

  /** Is the node needed for a value? */
  isNeeded(number: number, value: Value): boolean {
    const seen = new Set<number>()
    const stack = [value.node]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node === number) return true
      if (seen.has(node)) continue
      seen.add(node)
      for (const input of this.node(node).inputs) if (input) stack.push(input.node)
    }
    return false
  }

  /**
   * The outputs of a new node. It runs where node number `at` does, or as soon after as its inputs are there.
   * @throws where inputs or attributes do not fit the operation
   */
  add(at: number, op: string, inputs: readonly (Value | null)[], attributes: Attributes = {}): Value[] {
    const operands = inputs.map((input) => input && this.type(input))
    const node = { op, inputs, ...signatureOf(op, operands, attributes) }
    const { types } = node
    const number = this.nodes.push(node) - 1
    this.places.push(this.places[at]!)
    this.readers.push(types.map(() => []))
    this.read(node, number)
    this.changed = true
    return this.outputsOf(number)
  }

  /** All that reads `old` reads `by` from now on. */
  replace(old: Value, by: Value): void {
    if (sameValue(old, by)) return
    const readers = this.readers[old.node]![old.output]!
    this.readers[old.node]![old.output] = []
    this.readers[by.node]![by.output]!.push(...readers)
    for (const number of new Set(readers)) {
      const node = this.node(number)
      this.nodes[number] = {
        ...node,
        inputs: node.inputs.map((input) => (input && sameValue(input, old) ? by : input)),
      }
    }
    this.outputs.forEach((output, i) => {
      if (sameValue(output, old)) this.outputs[i] = by
    })
    this.changed = true
    this.drop(old.node)
  }

  /** `replace` for several. */
  replaceAll(old: readonly Value[], by: readonly Value[]): void {
    for (const [i, value] of old.entries()) this.replace(value, by[i]!)
  }

  /** Gives up a node, and what was there for it alone, if nothing reads it. The graph's inputs stay. */
  drop(number: number): void {
    const node = this.nodes[number]
    if (!node || node.op === 'Input' || node.types.some((_, output) => this.uses({ node: number, output }) > 0)) return
    this.nodes[number] = null
    this.changed = true
    for (const input of node.inputs) {
      if (!input) continue
      const readers = this.readers[input.node]![input.output]!
      readers.splice(readers.indexOf(number), 1)
      this.drop(input.node)
    }
  }

  result(): Graph {
    if (!this.changed) return this.graph
    const numbers = new Map<number, number>()
    const nodes: Node[] = []
    const renumbered = ({ node, output }: Value): Value => ({ node: numbers.get(node)!, output })
    const emit = (number: number): void => {
      if (numbers.has(number)) return
      const node = this.node(number)
      for (const input of node.inputs) if (input) emit(input.node)
      numbers.set(number, nodes.length)
      nodes.push({ ...node, inputs: node.inputs.map((input) => input && renumbered(input)) })
    }
    for (const number of this.find('Input')) emit(number) // first, so that they keep their order
    for (const number of this.find()) emit(number)
    return { nodes, outputs: this.outputs.map(renumbered) }
  }

  private read({ inputs }: Node, number: number): void {
    for (const input of inputs) if (input) this.readers[input.node]![input.output]!.push(number)
  }
}
