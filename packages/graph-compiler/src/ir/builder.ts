import type { Emitter, Positional } from '../operations/operation'
import { signatureOf } from '../operations/table'
import type { Attributes, Graph, Layout, Node, TensorType, Value } from './graph'
import { internAttributes, internType } from './intern'

/** Builds a graph node by node. Types and canonical attributes come from the table of operations. */
export class GraphBuilder implements Emitter {
  private readonly nodes: Node[] = []

  /** A value from outside. @param name for people; part of the graph's key */
  input(type: TensorType, name?: string): Value {
    const { shape, dtype, layout } = type
    return this.push({
      op: 'Input',
      inputs: [],
      attributes: internAttributes(name === undefined ? {} : { name }).value,
      types: [internType(shape, dtype, layout).value],
    })[0]!
  }

  /**
   * The outputs of a new node.
   * @param layouts of the outputs, where the operation leaves a choice; default dense
   * @throws naming the operation, got and expected, where inputs or attributes do not fit
   */
  add(op: string, inputs: Positional<Value>, attributes: Attributes = {}, layouts?: readonly Layout[]): Value[] {
    const signature = signatureOf(
      op,
      inputs.map((value) => value && this.typeOf(value)),
      attributes,
    )
    const types = layouts
      ? signature.types.map(({ shape, dtype, layout }, i) => internType(shape, dtype, layouts[i] ?? layout).value)
      : signature.types
    return this.push({ op, inputs, attributes: signature.attributes, types })
  }

  /** A node that is known to be right, as it is: what a pass takes over from another graph. */
  push(node: Node): Value[] {
    const index = this.nodes.push(node) - 1
    return node.types.map((_, output) => ({ node: index, output }))
  }

  /** The node that gives a value. */
  node({ node }: Value): Node {
    return this.nodes[node]!
  }

  typeOf({ node, output }: Value): TensorType {
    const type = this.nodes[node]?.types[output]
    if (!type) throw new Error(`got value %${node}#${output}, expected one of the ${this.nodes.length} nodes so far`)
    return type
  }

  /** The graph of all nodes so far. */
  build(outputs: readonly Value[]): Graph {
    for (const output of outputs) this.typeOf(output)
    return { nodes: [...this.nodes], outputs: [...outputs] }
  }
}
