import type { Graph, Node, TensorType, Value } from '../ir/graph'
import { valueKey } from '../ir/walk'

/**
 * An order for the nodes in which values die early: of all that could run next it takes a node that frees at least as much as
 * it makes (a filter's gradient, after which dy can die), else the next of the given order.
 *
 * @returns the nodes' numbers in their new order
 */
export function orderForMemory(graph: Graph, bytes: (type: TensorType) => number): number[] {
  const { nodes, outputs } = graph
  const operands = nodes.map(distinctInputs)
  const readers: number[][] = nodes.map(() => [])
  /** How many nodes still read each value; those handed out are never free. */
  const reads = nodes.map(({ types }) => types.map(() => 0))
  for (const [number, inputs] of operands.entries())
    for (const { node, output } of inputs) {
      reads[node]![output]!++
      readers[node]!.push(number)
    }
  for (const { node, output } of outputs) reads[node]![output] = Number.POSITIVE_INFINITY

  const sizes = nodes.map(({ types }) => types.map(bytes))
  // Inputs and outputs of the graph have memory of their own from the beginning.
  const made = nodes.map(({ op }, number) =>
    sum(sizes[number]!.map((size, output) => (op !== 'Input' && isShort(reads[number]![output]!) ? size : 0))),
  )
  const freed = (number: number) =>
    sum(
      operands[number]!.map(({ node, output }) =>
        reads[node]![output] === 1 && nodes[node]!.op !== 'Input' ? sizes[node]![output]! : 0,
      ),
    )

  const order: number[] = []
  const missing = operands.map(({ length }) => length)
  const ready = [...nodes.keys()].filter((number) => missing[number] === 0)
  while (ready.length > 0) {
    const best = ready.findIndex((number) => made[number]! <= freed(number))
    const [next] = ready.splice(Math.max(0, best), 1) as [number]
    order.push(next)
    for (const { node, output } of operands[next]!) reads[node]![output]!--
    for (const reader of readers[next]!) if (--missing[reader]! === 0) insert(ready, reader)
  }
  return order
}

const isShort = (reads: number) => reads > 0 && reads !== Number.POSITIVE_INFINITY
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

/** The values that a node reads, each once. */
const distinctInputs = ({ inputs }: Node): Value[] => [
  ...new Map(inputs.flatMap((input) => (input ? [[valueKey(input), input]] : []))).values(),
]

/** Into a list in ascending order. */
function insert(list: number[], number: number): void {
  const place = list.findIndex((other) => other > number)
  list.splice(place < 0 ? list.length : place, 0, number)
}
