import type { Attributes, TensorType } from '../ir/graph'

/** A node that is recorded and not computed yet. */
export interface Pending<Leaf> {
  readonly op: string
  readonly attributes: Attributes
  readonly types: readonly TensorType[]
  /** `nodeId` of the three. */
  readonly id: number
  readonly inputs: readonly (Handle<Leaf> | null)[]
  readonly outputs: readonly Handle<Leaf>[]
  /** Whether a live value depends on it; known while a graph is cut out. */
  needed: boolean
  /** The number of its first output among the values of the graph that it is cut into. */
  first: number
}

/** A value: pending until a flush, then a leaf. Whoever holds it gives it back with `Recorder.release`. */
export class Handle<Leaf> {
  /** Whether it was not given back yet. */
  live = true
  /** The node that will compute it; none once it was flushed. */
  source: Pending<Leaf> | undefined = undefined
  /** Its place among the outputs of `source`. */
  output = 0
  /** What the backend keeps its values in; none while it is pending. */
  leaf: Leaf | undefined = undefined
  /** How many pending nodes read it. */
  readers = 0
  /** Its number among the inputs of the graph that is being cut out. */
  input = -1

  constructor(
    readonly type: TensorType,
    /** `typeId` of the type. */
    readonly typeId: number,
  ) {}
}
