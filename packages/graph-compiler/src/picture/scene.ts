import type { Graph, Node, Value } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { costOf } from '../operations/cost'
import { type Kind, sizeOf } from '../operations/operation'
import { operationOf } from '../operations/registry'

// What of a graph is drawn: boxes, and links between them. What is read everywhere is written into the boxes instead.

/** A node, or several that are alike and lie side by side. */
export interface Box {
  readonly id: number
  readonly op: string
  readonly kind: Kind
  readonly nodes: number[]
  /** Values that it reads and to which no link is drawn: inputs, constants, and what many read. */
  readonly reads: Value[]
  /** Outputs of the graph that it computes. */
  readonly outputs: number[]
  readonly flops: number
  readonly bytes: number
}

/** All values that one box reads of another. */
export interface Link {
  readonly from: number
  readonly to: number
  readonly values: Value[]
}

export interface Scene {
  readonly boxes: Box[]
  readonly links: Link[]
}

/**
 * Values that more nodes read than this are written into the boxes; of single numbers, that more read than the second.
 */
const MANY = 12
const MANY_OF_A_NUMBER = 3

/** From how many on nodes that are alike become one box. */
const ALIKE = 4

export function sceneOf(graph: Graph): Scene {
  const isDrawn = drawnValues(graph)
  const boxOf = groupAlike(graph, isDrawn)
  const boxes = new Map<number, Box>()
  const links = new Map<string, Link>()
  graph.nodes.forEach(({ op, inputs }, node) => {
    if (isGiven(graph.nodes[node]!)) return
    const id = boxOf[node]!
    const { flops, bytes } = costOf(graph, node)
    const box = boxes.get(id)
    const grown: Box = box
      ? { ...box, flops: box.flops + flops, bytes: box.bytes + bytes }
      : { id, op, kind: operationOf(op).kind, nodes: [], reads: [], outputs: [], flops, bytes }
    boxes.set(id, grown)
    grown.nodes.push(node)
    for (const value of inputs) {
      if (!value) continue
      if (!isDrawn(value)) grown.reads.push(value)
      else addTo(links, { from: boxOf[value.node]!, to: id, values: [value] })
    }
  })
  graph.outputs.forEach(({ node }, i) => {
    boxes.get(boxOf[node]!)?.outputs.push(i)
  })
  return { boxes: [...boxes.values()].sort((a, b) => a.id - b.id), links: [...links.values()] }
}

function addTo(links: Map<string, Link>, link: Link): void {
  const key = `${link.from} ${link.to}`
  const known = links.get(key)
  if (known) known.values.push(...link.values)
  else links.set(key, link)
}

/** Inputs and constants have no box. */
const isGiven = ({ op, inputs }: Node) => op === 'Input' || (operationOf(op).kind === 'constant' && inputs.length === 0)

/** Whether a line leads from a value to who reads it. */
function drawnValues(graph: Graph): (value: Value) => boolean {
  const readers = graph.nodes.map(({ types }) => types.map(() => new Set<number>()))
  graph.nodes.forEach(({ inputs }, node) => {
    for (const value of inputs) if (value) readers[value.node]![value.output]!.add(node)
  })
  return (value) => {
    const { size } = readers[value.node]![value.output]!
    const most = sizeOf(typeOf(graph, value)) === 1 ? MANY_OF_A_NUMBER : MANY
    return !isGiven(graph.nodes[value.node]!) && size <= most
  }
}

/** Kinds that always have a box of their own. */
const LARGE: readonly Kind[] = ['convolution', 'pool', 'resize', 'matmul', 'layout']

/**
 * The box of each node: that of its first node. Alike are nodes that do the same with what the same box gives them, and
 * whose results the same boxes read: then no path leads from one to the other.
 */
function groupAlike({ nodes, outputs }: Graph, isDrawn: (value: Value) => boolean): number[] {
  const labels: number[] = [] // what a node does, with all that leads to it
  const numbers = new Map<string, number>()
  nodes.forEach(({ op, inputs }, node) => {
    const own = LARGE.includes(operationOf(op).kind)
    const from = inputs.flatMap((value) => (value && isDrawn(value) ? [labels[value.node]!] : []))
    const label = own ? `%${node}` : `${op}(${from})`
    const number = numbers.get(label) ?? numbers.size
    numbers.set(label, number)
    labels.push(number)
  })
  const readers: Set<number>[] = nodes.map(() => new Set())
  for (const { node } of outputs) readers[node]!.add(-1)
  const boxOf: number[] = []
  const groups = new Map<string, number[]>()
  for (let node = nodes.length - 1; node >= 0; node--) {
    const key = `${labels[node]} → ${[...readers[node]!].map((reader) => boxOf[reader] ?? reader).sort()}`
    const group = groups.get(key) ?? []
    groups.set(key, [...group, node])
    boxOf[node] = group[0] ?? node
    for (const value of nodes[node]!.inputs) if (value && isDrawn(value)) readers[value.node]!.add(node)
  }
  for (const group of groups.values())
    for (const node of group) boxOf[node] = group.length < ALIKE ? node : Math.min(...group)
  return boxOf
}
