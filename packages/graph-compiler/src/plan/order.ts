import type { Graph, TensorType } from '../ir/graph'

/**
 * An order for the nodes in which values die early: of all that could run next it takes a node that frees at least as much as
 * it makes (a filter's gradient, after which dy can die), else the next of the given order.
 *
 * @returns the nodes' numbers in their new order
 */
export function orderForMemory({ nodes, outputs }: Graph, bytes: (type: TensorType) => number): number[] {
  const sizes = nodes.map(({ types }) => types.map(bytes))
  const reads = nodes.map(({ types }) => types.map(() => 0))
  const readers: number[][] = nodes.map(() => [])
  const missing = nodes.map(() => 0)
  nodes.forEach(({ inputs }, number) => {
    for (const input of inputs) {
      if (!input) continue
      reads[input.node]![input.output]!++
      readers[input.node]!.push(number)
      missing[number]!++
    }
  })
  for (const { node, output } of outputs) reads[node]![output] = Infinity

  /** Outputs of the graph have memory of their own from the beginning. */
  const isMade = (number: number, output: number) => reads[number]![output]! > 0 && reads[number]![output] !== Infinity
  /** Bytes by which memory grows when the node runs now. */
  const growth = (number: number): number => {
    const { inputs, op } = nodes[number]!
    if (op === 'Input') return 0
    const made = sizes[number]!.reduce((sum, size, output) => (isMade(number, output) ? sum + size : sum), 0)
    const mine = inputs.filter(
      (input, i) =>
        input && inputs.findIndex((other) => other?.node === input.node && other.output === input.output) === i,
    )
    return mine.reduce((sum, input) => {
      const { node, output } = input!
      const times = inputs.filter((other) => other?.node === node && other.output === output).length
      return reads[node]![output] === times && nodes[node]!.op !== 'Input' ? sum - sizes[node]![output]! : sum
    }, made)
  }

  const order: number[] = []
  const ready = new Set([...nodes.keys()].filter((number) => missing[number] === 0))
  while (ready.size > 0) {
    const candidates = [...ready].sort((a, b) => a - b)
    const next = candidates.find((number) => growth(number) <= 0) ?? candidates[0]!
    ready.delete(next)
    order.push(next)
    for (const input of nodes[next]!.inputs) if (input) reads[input.node]![input.output]!--
    for (const reader of readers[next]!) if (--missing[reader]! === 0) ready.add(reader)
  }
  return order
}
