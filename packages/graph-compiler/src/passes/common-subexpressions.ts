import type { Node } from '../ir/graph'
import { nodeId } from '../ir/intern'
import { valueKey } from '../ir/walk'
import { editing } from './editor'

/**
 * The same operation on the same values is computed once:
 *
 *     x ──▶ ResizeNearestNeighbor ──▶ FusedConv2D          x ──▶ ResizeNearestNeighbor ─┬▶ FusedConv2D
 *     x ──▶ ResizeNearestNeighbor ──▶ Conv2DBackpropFilter  →                          └▶ Conv2DBackpropFilter
 *
 * Operations that draw random numbers have a seed as an attribute, so equal ones give equal numbers.
 */
export const commonSubexpressions = editing((graph) => {
  const known = new Map<string, number>()
  for (const number of graph.find()) {
    const node = graph.node(number)
    if (node.op === 'Input') continue
    const key = keyOf(node)
    const earlier = known.get(key)
    if (earlier === undefined) known.set(key, number)
    else graph.replaceAll(graph.outputsOf(number), graph.outputsOf(earlier))
  }
})

const keyOf = ({ op, inputs, attributes, types }: Node): string =>
  [nodeId(op, attributes, types), ...inputs.map((value) => value && valueKey(value))].join()
