import type { Graph, Node, TensorType } from '../ir/graph'
import type { Overwrites } from './overwrites'

/** Memory that one value after another lies in. */
export interface Buffer {
  readonly bytes: number
  /** The graph's input or output whose memory it is; null where it is in the arena. */
  owner: Owner | null
  /** The node that first writes it, and the last that reads it. */
  readonly first: number
  last: number
}

interface Owner {
  readonly kind: 'input' | 'output'
  readonly number: number
}

export interface SharingOptions {
  bytes(type: TensorType): number
  overwrites: Overwrites
  /** Numbers of the graph's inputs whose memory nobody needs afterwards. */
  donated: ReadonlySet<number>
}

/** Operations whose result is their input under another shape. */
export const isView = ({ op }: Node): boolean => op === 'Reshape' || op === 'Identity' || op === 'ExpandDims'

/**
 * Which values share memory: a view with what it shows, and a result with an input that its operation may write over, where
 * nothing reads that later.
 */
export class Sharing {
  /** Of each node and output. */
  readonly buffers: Buffer[][] = []
  /** For each output of the graph the input whose memory it takes over, or null. */
  readonly donors: (number | null)[]
  private readonly lastReads: number[][]
  private readonly outputNumbers: (number | undefined)[][]
  /** Of donated inputs. */
  private readonly free: Buffer[] = []
  private inputs = 0

  constructor(
    private readonly graph: Graph,
    private readonly options: SharingOptions,
  ) {
    this.donors = graph.outputs.map(() => null)
    this.lastReads = lastReadsOf(graph)
    this.outputNumbers = graph.nodes.map(() => [])
    for (const [number, { node, output }] of graph.outputs.entries()) this.outputNumbers[node]![output] = number
    for (const [number, node] of graph.nodes.entries()) this.buffers.push(this.buffersOf(node, number))
  }

  private buffersOf(node: Node, number: number): Buffer[] {
    const taken = new Set<Buffer>()
    const over = this.options.overwrites(this.graph, node)
    return node.types.map((type, output) => {
      const outputNumber = this.outputNumbers[number]![output]
      const made: Buffer = {
        bytes: this.options.bytes(type),
        owner: outputNumber === undefined ? null : { kind: 'output', number: outputNumber },
        first: number,
        last: this.lastReads[number]![output]!,
      }
      if (node.op === 'Input') return this.input(made)
      const shared = isView(node) ? this.shown(node, made) : this.overwritten(node, over[output]!, made, taken)
      if (!shared) return made
      taken.add(shared)
      shared.last = Math.max(shared.last, made.last)
      shared.owner = made.owner ?? shared.owner
      return shared
    })
  }

  private input(buffer: Buffer): Buffer {
    buffer.owner = { kind: 'input', number: this.inputs++ }
    if (this.options.donated.has(buffer.owner.number)) this.free.push(buffer)
    return buffer
  }

  /** What a view shows, unless both belong to somebody outside: then the view is a copy. */
  private shown(node: Node, made: Buffer): Buffer | undefined {
    const shown = this.read(node, 0)!
    return made.owner && shown.owner ? undefined : shown
  }

  /** The input that a result takes the place of. One that was donated stays an input, and gives its memory to the output. */
  private overwritten(
    node: Node,
    over: readonly number[],
    made: Buffer,
    taken: ReadonlySet<Buffer>,
  ): Buffer | undefined {
    const candidates = over
      .map((input) => this.read(node, input))
      .filter(
        (buffer) =>
          buffer && buffer.bytes === made.bytes && !taken.has(buffer) && this.isLastRead(node, made.first, buffer),
      )
    const inArena = candidates.find((buffer) => !buffer!.owner)
    if (inArena || made.owner?.kind !== 'output') return inArena
    const donor =
      this.free.find((buffer) => candidates.includes(buffer)) ??
      this.free.find((buffer) => buffer.bytes === made.bytes && buffer.last < made.first)
    if (!donor) return undefined
    this.free.splice(this.free.indexOf(donor), 1)
    this.donors[made.owner.number] = donor.owner!.number
    return undefined
  }

  /** Does the node, number `number`, read the buffer as the last one, and once? */
  private isLastRead(node: Node, number: number, buffer: Buffer): boolean {
    return buffer.last === number && node.inputs.filter((_, i) => this.read(node, i) === buffer).length === 1
  }

  private read({ inputs }: Node, input: number): Buffer | undefined {
    const value = inputs[input]
    return value ? this.buffers[value.node]![value.output] : undefined
  }
}

/** For each value the last node that reads it: its own where none does, beyond all nodes where the graph hands it out. */
function lastReadsOf({ nodes, outputs }: Graph): number[][] {
  const last = nodes.map(({ types }, number) => types.map(() => number))
  for (const [number, { inputs }] of nodes.entries())
    for (const input of inputs) if (input) last[input.node]![input.output] = number
  for (const { node, output } of outputs) last[node]![output] = nodes.length
  return last
}
