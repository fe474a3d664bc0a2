import { typeText } from '../operations/operation'
import { findOperation } from '../operations/registry'
import { signatureOf } from '../operations/table'
import type { Graph, Node, TensorType, Value } from './graph'
import { typeOf } from './graph'
import { attributesId } from './intern'
import { attributesText, valueText } from './print'

/**
 * Throws unless a graph is sound: values come from earlier nodes, operations are in the table and get inputs that fit
 * them, types and canonical attributes are what the table infers. The message names node, got and expected.
 */
export function checkGraph(graph: Graph): void {
  graph.nodes.forEach((node, index) => {
    try {
      for (const value of node.inputs) if (value) checkValue(graph, value, index)
      checkNode(graph, node)
    } catch (error) {
      const { message } = error as Error
      const what = message.startsWith(`${node.op}: `) ? message : `${node.op}: ${message}` // the table names it, too
      throw new Error(`node %${index} ${what}`)
    }
  })
  for (const value of graph.outputs)
    try {
      checkValue(graph, value, graph.nodes.length)
    } catch (error) {
      throw new Error(`output ${valueText(value)}: ${(error as Error).message}`)
    }
}

function checkValue({ nodes }: Graph, value: Value, before: number) {
  const { node, output } = value
  if (!Number.isInteger(node) || node < 0 || node >= before)
    throw new Error(`got ${valueText(value)}, expected a value of a node before %${before}`)
  const count = nodes[node]!.types.length
  if (!Number.isInteger(output) || output < 0 || output >= count)
    throw new Error(`got ${valueText(value)}, expected one of the ${count} outputs of %${node}`)
}

function checkNode(graph: Graph, { op, inputs, attributes, types }: Node) {
  if (op === 'Input') return checkInput(inputs.length, types)
  const operation = findOperation(op)
  if (!operation) throw new Error('got an unknown operation, expected one of the table: add it with defineOperation')
  const wanted = signatureOf(
    op,
    inputs.map((value) => value && typeOf(graph, value)),
    attributes,
  )
  if (attributesId(wanted.attributes) !== attributesId(attributes))
    throw new Error(
      `got attributes ${attributesText(attributes)}, expected their canonical form ${attributesText(wanted.attributes)}: use GraphBuilder.add`,
    )
  if (types.length !== wanted.types.length)
    throw new Error(`got ${types.length} outputs, expected ${wanted.types.length}`)
  types.forEach((type, i) => {
    checkType(type, wanted.types[i]!, operation.blocked && operation.kind !== 'layout')
  })
}

function checkInput(inputs: number, types: readonly TensorType[]) {
  if (inputs > 0) throw new Error(`got ${inputs} inputs, expected none`)
  if (types.length !== 1) throw new Error(`got ${types.length} outputs, expected 1`)
}

function checkType(got: TensorType, wanted: TensorType, anyLayout: boolean) {
  const layout = anyLayout ? got.layout : wanted.layout
  const expected = { ...wanted, layout }
  if (typeText(got) !== typeText(expected))
    throw new Error(`got output ${typeText(got)}, expected ${typeText(expected)}`)
  if (got.layout === 'blocked' && (got.shape.length !== 4 || got.dtype !== 'float32'))
    throw new Error(`got output ${typeText(got)}, expected blocked only for float32 [n, h, w, c]`)
}
