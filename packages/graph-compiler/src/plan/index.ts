import type { Graph, TensorType } from '../ir/graph'
import { renumber, valueKey } from '../ir/walk'
import { type Buffer, Sharing } from './buffers'
import { orderForMemory } from './order'
import { defaultOverwrites, type Overwrites } from './overwrites'
import { mostAtOnce, pack } from './pack'

export { isView } from './buffers'
export { defaultOverwrites, type Overwrites, overwritesNothing } from './overwrites'

export interface PlanOptions {
  /** Bytes that a value takes in memory, its borders included. */
  bytes(type: TensorType): number
  /** What operations may write over; default `defaultOverwrites`. */
  overwrites?: Overwrites
  /** Numbers of inputs that nobody needs after the run; an output may take such an input's memory. Default none. */
  donated?: Iterable<number>
  /** Places in the arena are multiples of it; default 64, a cache line. */
  alignment?: number
}

/** Where a value lies: number `place` of the graph's inputs or outputs, or `place` bytes from the arena's beginning. */
export interface Place {
  readonly kind: 'input' | 'output' | 'arena'
  readonly place: number
  readonly bytes: number
}

export interface MemoryPlan {
  /** The graph in the order in which it is to run. Its outputs are values of its own nodes, each another one. */
  readonly graph: Graph
  /** Of each node and output. A view that lies where its input lies has nothing to do; elsewhere it is a copy. */
  readonly places: readonly (readonly Place[])[]
  /** For each output the number of the donated input whose memory is to be its own; null where it needs memory. */
  readonly donors: readonly (number | null)[]
  readonly arenaBytes: number
  /** The most bytes of the arena that are in use at once. */
  readonly liveBytes: number
}

/** Gives each value of a graph its place. */
export function planMemory(graph: Graph, options: PlanOptions): MemoryPlan {
  const owned = ownOutputs(graph)
  const plans = [owned, renumber(owned, orderForMemory(owned, options.bytes))].map((candidate) =>
    planInOrder(candidate, options),
  )
  return plans.reduce((best, next) => (next.arenaBytes < best.arenaBytes ? next : best))
}

function planInOrder(
  graph: Graph,
  { bytes, overwrites = defaultOverwrites, donated = [], alignment = 64 }: PlanOptions,
): MemoryPlan {
  const { buffers, donors } = new Sharing(graph, { bytes, overwrites, donated: new Set(donated) })
  const inArena = [...new Set(buffers.flat())].filter(({ owner }) => !owner)
  const packed = pack(inArena, alignment)
  const placeInArena = new Map(inArena.map((buffer, i) => [buffer, packed.places[i]!]))
  const placeOf = (buffer: Buffer): Place =>
    buffer.owner
      ? { kind: buffer.owner.kind, place: buffer.owner.number, bytes: buffer.bytes }
      : { kind: 'arena', place: placeInArena.get(buffer)!, bytes: buffer.bytes }
  return {
    graph,
    places: buffers.map((node) => node.map(placeOf)),
    donors,
    arenaBytes: packed.bytes,
    liveBytes: mostAtOnce(inArena),
  }
}

/** The graph with copies for outputs that are inputs, or the same as another output. */
function ownOutputs({ nodes, outputs }: Graph): Graph {
  const all = [...nodes]
  const seen = new Set<string>()
  const own = outputs.map((value) => {
    const key = valueKey(value)
    const { op, types } = nodes[value.node]!
    if (op !== 'Input' && !seen.has(key)) {
      seen.add(key)
      return value
    }
    all.push({ op: 'Identity', inputs: [value], attributes: {}, types: [types[value.output]!] })
    return { node: all.length - 1, output: 0 }
  })
  return { nodes: all, outputs: own }
}
