import type { Graph, Value } from '../ir/graph'

/**
 * Nodes of a graph that are to become one. Two groups may be merged where no path leads from one to the other, or only edges
 * that the caller allows: then the merged nodes still have an order in which they can run.
 */
export class Groups {
  /** Of each node the group it is in: the number of its first member. */
  private readonly groups: number[]
  private readonly members: number[][]
  /** Of each node those that read it. */
  private readonly readers: number[][]

  constructor(private readonly graph: Graph) {
    this.groups = graph.nodes.map((_, i) => i)
    this.members = graph.nodes.map((_, i) => [i])
    this.readers = graph.nodes.map(() => [])
    graph.nodes.forEach(({ inputs }, i) => {
      for (const { node } of new Set(inputs.filter((input) => input !== null))) this.readers[node]!.push(i)
    })
  }

  /** The group of a node. */
  of(node: number): number {
    return this.groups[node]!
  }

  /** Its nodes, in order. */
  nodesOf(group: number): readonly number[] {
    return this.members[group]!
  }

  /**
   * Makes one group of two, if that makes no cycle.
   * @param inside whether a value of one that the other reads may be handed over inside the merged group; default: none may
   * @returns whether it did
   */
  merge(a: number, b: number, inside: (value: Value) => boolean = () => false): boolean {
    const [from, to] = [this.of(a), this.of(b)]
    if (from === to) return true
    if (this.path(from, to, inside) || this.path(to, from, inside)) return false
    const [kept, gone] = from < to ? [from, to] : [to, from]
    for (const node of this.members[gone]!) this.groups[node] = kept
    this.members[kept] = [...this.members[kept]!, ...this.members[gone]!].sort((x, y) => x - y)
    this.members[gone] = []
    return true
  }

  /** Is there a way from a group to another, by one of its values that may not stay inside, or by way of a third group? */
  private path(from: number, to: number, inside: (value: Value) => boolean): boolean {
    const seen = new Set([from])
    const stack: number[] = []
    for (const member of this.members[from]!)
      for (const reader of this.readers[member]!) {
        const group = this.of(reader)
        if (group === from) continue
        if (group !== to) stack.push(group)
        else if (this.graph.nodes[reader]!.inputs.some((value) => value?.node === member && !inside(value))) return true
      }
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      if (group === to) return true
      if (seen.has(group)) continue
      seen.add(group)
      for (const member of this.members[group]!) for (const reader of this.readers[member]!) stack.push(this.of(reader))
    }
    return false
  }
}
