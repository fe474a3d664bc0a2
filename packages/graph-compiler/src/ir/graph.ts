import type { DataType } from '@tensorflow/tfjs-core'

// A graph is data: passes return new ones and never change one.

/**
 * How values lie in memory: `dense` is row-major, as tfjs has it; `blocked` is what fast convolutions work on,
 * [n][c/16][h'+2][w'+2][16] with zeros around the pixels (docs/engine.md, "Layouts").
 */
export type Layout = 'dense' | 'blocked'

/** What is known of a value before it is computed. */
export interface TensorType {
  readonly shape: readonly number[]
  readonly dtype: DataType
  readonly layout: Layout
}

/** Output number `output` of the graph's node number `node`. */
export interface Value {
  readonly node: number
  readonly output: number
}

/** Plain data, equal where its JSON is. */
export type Attribute = string | number | boolean | null | readonly Attribute[] | { readonly [name: string]: Attribute }
export type Attributes = { readonly [name: string]: Attribute }

/** One operation. */
export interface Node {
  /** A tfjs kernel's name, or one of docs/engine.md; `Input` where a value comes from outside. */
  readonly op: string
  /**
   * Values of earlier nodes; for tfjs's kernels in the order of `operations`' input names, null where one is left out.
   */
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
  /** Of its outputs. */
  readonly types: readonly TensorType[]
}

/** A computation. */
export interface Graph {
  /** In an order in which they can run. The `Input` nodes among them are the graph's inputs, in their order. */
  readonly nodes: readonly Node[]
  /** What the computation is for. */
  readonly outputs: readonly Value[]
}

export const typeOf = ({ nodes }: Graph, { node, output }: Value): TensorType => nodes[node]!.types[output]!
