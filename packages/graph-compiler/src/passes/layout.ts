import { GraphBuilder } from '../ir/builder'
import type { Graph, Layout, Node, Value } from '../ir/graph'
import { internType } from '../ir/intern'
import { valueKey } from '../ir/walk'
import type { Pass } from './editor'
import { blockedValues, convolutionLayouts, DENSE, eitherLayouts, type Layouts } from './layouts'

/**
 * Convolutions work on blocked tensors, elementwise operations on what they find, all else on dense ones; between them stand
 * conversions, one for each tensor:
 *
 *     x ──▶ Convolution ──▶ Elu ──▶ Convolution ──▶ Transpose
 *                                                        →     x ──▶ ToBlocked ──▶ Convolution ──▶ Elu ──▶ Convolution ──▶ ToDense ──▶ Transpose
 */
export const layout: Pass = (graph) =>
  graph.nodes.some((node) => convolutionLayouts(graph, node)) && !graph.nodes.some(isConversion)
    ? new LayoutAssignment(graph).result()
    : graph

const isConversion = ({ op }: Node) => op === 'ToBlocked' || op === 'ToDense'

class LayoutAssignment {
  private readonly builder = new GraphBuilder()
  /** Of each node of the old graph its outputs in the new one. */
  private readonly moved: Value[][] = []
  /** The other layout of values that were converted. */
  private readonly converted = new Map<string, Value>()

  private readonly leads: ReadonlySet<number>

  constructor(private readonly graph: Graph) {
    this.leads = leadingToConvolutions(graph)
    for (const [number, node] of graph.nodes.entries()) {
      const { inputs, outputs } = this.layoutsOf(number, node)
      const laidOut = node.inputs.map((input, i) => input && this.inLayout(this.place(input), inputs[i] ?? 'dense'))
      const types = node.types.map(({ shape, dtype }, i) => internType(shape, dtype, outputs[i] ?? 'dense').value)
      this.moved.push(this.builder.push({ ...node, inputs: laidOut, types }))
    }
  }

  result(): Graph {
    return this.builder.build(this.graph.outputs.map((value) => this.inLayout(this.place(value), 'dense')))
  }

  /** Where there is a choice: blocked, if a convolution follows and no more inputs are to be converted than otherwise. */
  private layoutsOf(number: number, node: Node): Layouts {
    const fixed = convolutionLayouts(this.graph, node)
    if (fixed) return fixed
    const blocked = this.leads.has(number) ? eitherLayouts(this.graph, number) : undefined
    const large = node.inputs.filter((input, i) => input && blocked?.inputs[i] === 'blocked')
    const count = (layout: Layout) => large.filter((input) => this.isThere(this.place(input!), layout)).length
    return blocked && count('blocked') > 0 && count('blocked') >= count('dense') ? blocked : DENSE
  }

  private place({ node, output }: Value): Value {
    return this.moved[node]![output]!
  }

  private isThere(value: Value, layout: Layout): boolean {
    return this.builder.typeOf(value).layout === layout || this.converted.has(valueKey(value))
  }

  private inLayout(value: Value, layout: Layout): Value {
    if (this.builder.typeOf(value).layout === layout) return value
    const op = layout === 'blocked' ? 'ToBlocked' : 'ToDense'
    const result = this.converted.get(valueKey(value)) ?? this.builder.add(op, [value])[0]!
    this.converted.set(valueKey(value), result)
    return result
  }
}

/** Operations that work in either layout, and what they make is read blocked. */
function leadingToConvolutions(graph: Graph): Set<number> {
  const leads = new Set<number>()
  const wanted = blockedValues(graph)
  for (let number = graph.nodes.length - 1; number >= 0; number--) {
    const { inputs, types } = graph.nodes[number]!
    const isRead = types.some((_, output) => wanted.has(valueKey({ node: number, output })))
    const layouts = isRead ? eitherLayouts(graph, number) : undefined
    if (!layouts) continue
    leads.add(number)
    for (const [i, input] of inputs.entries()) if (input && layouts.inputs[i] === 'blocked') wanted.add(valueKey(input))
  }
  return leads
}
