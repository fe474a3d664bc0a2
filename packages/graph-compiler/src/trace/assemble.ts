import { GraphBuilder } from '../ir/builder'
import type { Graph, Value } from '../ir/graph'
import { prune } from '../ir/walk'
import { sameShape } from '../operations/operation'
import type { Flushed, Handle } from '../recorder/recorder'
import type { Source } from './source'

/** A value that a traced function returned or assigned to a variable, and the shape that it has there. */
export interface End {
  readonly handle: Handle<Source>
  readonly shape: readonly number[]
}

/**
 * The graph of what was recorded, with outputs that are wanted, in their order.
 * @param flushed what was recorded; nothing, if the function only returned what it was given
 * @param sources the graph's inputs, in order: all that is read, named
 */
export function assemble(
  flushed: Flushed<Source> | undefined,
  sources: readonly { source: Source; name: string | undefined }[],
  ends: readonly End[],
): Graph {
  const builder = new GraphBuilder()
  const begins = new Map(sources.map(({ source, name }) => [source, builder.input(source.type, name)]))
  const computed = flushed ? copyNodes(flushed, builder, begins) : new Map<Handle<Source>, Value>()
  const outputs = ends.map(({ handle, shape }) => {
    const value = computed.get(handle) ?? begins.get(handle.leaf!)!
    const asIs = sameShape(shape, builder.typeOf(value).shape)
    return asIs ? value : builder.add('Reshape', [value], { shape })[0]!
  })
  return prune(builder.build(outputs))
}

/** Adds the recorded nodes to the builder; what became of each handle that was computed. */
function copyNodes(
  { graph, inputs, outputs }: Flushed<Source>,
  builder: GraphBuilder,
  begins: ReadonlyMap<Source, Value>,
): Map<Handle<Source>, Value> {
  const values: (readonly Value[])[] = []
  const moved = ({ node, output }: Value) => values[node]![output]!
  let taken = 0
  for (const node of graph.nodes)
    values.push(
      node.op === 'Input'
        ? [begins.get(inputs[taken++]!)!]
        : builder.push({ ...node, inputs: node.inputs.map((value) => value && moved(value)) }),
    )
  return new Map(outputs.map((handle, i) => [handle, moved(graph.outputs[i]!)]))
}
