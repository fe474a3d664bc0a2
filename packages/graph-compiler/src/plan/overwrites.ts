import type { Graph, Node } from '../ir/graph'

/** Numbers of a node's inputs whose memory an output may be written over, the best first. */
export type Overwrites = (graph: Graph, node: Node, output: number) => readonly number[]

/** No operation writes over anything. */
export const overwritesNothing: Overwrites = () => []
