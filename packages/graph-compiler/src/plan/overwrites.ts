import type { Graph, Node, TensorType } from '../ir/graph'
import { typeOf } from '../ir/graph'
import type { ElementwiseAttributes } from '../operations/fused/elementwise'
import { sweepsOf } from '../operations/fused/sweeps'
import { sameShape } from '../operations/operation'

/** For each of a node's outputs the numbers of the inputs whose memory it may be written over, the best first. */
export type Overwrites = (graph: Graph, node: Node) => readonly (readonly number[])[]

/** No operation writes over anything. */
export const overwritesNothing: Overwrites = (_, { types }) => types.map(() => [])

/**
 * What docs/engine.md ("Graphs") lets operations write over, because each element of an output is written after the elements of
 * that input that are needed for it, and for no other, were read.
 */
export const defaultOverwrites: Overwrites = (graph, node) => (BY_OPERATION[node.op] ?? overwritesNothing)(graph, node)

const BY_OPERATION: Readonly<Record<string, Overwrites>> = {
  /** A part's gradient its mask. */
  ConvolutionInputGradient: (_, { types }) => types.map((_, part) => [2 + part]),

  /** dskip. */
  MaxPoolJoinGradient: () => [[3]],

  /** What is new what was old. */
  MultiTensorRMSProp: (_, { types }) => types.map((_, output) => [4 + 5 * Math.floor(output / 4) + (output % 4)]),

  /** An input of the same type that its sweep alone reads, and only element by element. */
  Elementwise(graph, { inputs, attributes, types }) {
    const given = inputs.map((input) => typeOf(graph, input!))
    const sweeps = sweepsOf(given, attributes as unknown as ElementwiseAttributes)
    const readers = inputs.map((_, input) => sweeps.filter((sweep) => sweep.inputs.includes(input)).length)
    const over = types.map((): number[] => [])
    for (const { shape, inputs: read, results } of sweeps)
      for (const output of results)
        if (sameShape(shape, types[output]!.shape))
          over[output] = read.filter((input) => isSame(given[input]!, types[output]!) && readers[input] === 1)
    return over
  },
}

const isSame = (a: TensorType, b: TensorType) =>
  sameShape(a.shape, b.shape) && a.dtype === b.dtype && a.layout === b.layout
