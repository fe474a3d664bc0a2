import type { Graph, Node, TensorType } from '../ir/graph'
import { typeOf } from '../ir/graph'
import type { ElementwiseAttributes } from '../operations/fused/elementwise'
import { sweepsOf } from '../operations/fused/sweeps'
import { sameShape } from '../operations/operation'

/** Numbers of a node's inputs whose memory an output may be written over, the best first. */
export type Overwrites = (graph: Graph, node: Node, output: number) => readonly number[]

/** No operation writes over anything. */
export const overwritesNothing: Overwrites = () => []

/**
 * What docs/engine.md ("Graphs") lets operations write over, because each element of an output is written after the elements of
 * that input that are needed for it, and for no other, were read.
 */
export const defaultOverwrites: Overwrites = (graph, node, output) => BY_OPERATION[node.op]?.(graph, node, output) ?? []

const BY_OPERATION: Readonly<Record<string, Overwrites>> = {
  /** A part's gradient its mask. */
  ConvolutionInputGradient: (_, __, output) => [2 + output],

  /** dskip. */
  MaxPoolJoinGradient: () => [3],

  /** What is new what was old. */
  MultiTensorRMSProp: (_, __, output) => [4 + 5 * Math.floor(output / 4) + (output % 4)],

  /** An input of the same type that its sweep alone reads, and only element by element. */
  Elementwise(graph, { inputs, attributes, types }, output) {
    const given = inputs.map((input) => input && typeOf(graph, input))
    const sweeps = sweepsOf(given, attributes as unknown as ElementwiseAttributes)
    const own = sweeps.find(({ results }) => results.includes(output))
    const type = types[output]!
    if (!own || !sameShape(own.shape, type.shape)) return []
    return own.inputs.filter(
      (input) => isSame(given[input]!, type) && !sweeps.some((other) => other !== own && other.inputs.includes(input)),
    )
  },
}

const isSame = (a: TensorType, b: TensorType) =>
  sameShape(a.shape, b.shape) && a.dtype === b.dtype && a.layout === b.layout
