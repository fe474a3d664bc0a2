import type { Graph, TensorType } from '../ir/graph'
import { rewrite } from '../ir/walk'
import { dense } from './operation'
import { findOperation } from './registry'

const undressed = ({ shape, dtype }: TensorType) => dense(shape, dtype)

/** The graph with every operation that has an expansion replaced by it, all values dense: kernels of tfjs alone. */
export function expandGraph(graph: Graph): Graph {
  const expanded = rewrite(graph, ({ op, inputs, attributes, types }, _, builder) => {
    const expand = findOperation(op)?.expand
    if (expand) return expand(builder, inputs, attributes)
    if (op === 'Input') return builder.push({ op, inputs, attributes, types: types.map(undressed) })
    return builder.add(op, inputs, attributes)
  })
  return expanded.nodes.some(({ op }) => findOperation(op)?.expand) ? expandGraph(expanded) : expanded
}
