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
    this.unite(Math.min(from, to), Math.max(from, to))
    return true
  }

  private unite(kept: number, gone: number): void {
    for (const node of this.members[gone]!) this.groups[node] = kept
    this.members[kept] = [...this.members[kept]!, ...this.members[gone]!].sort((x, y) => x - y)
    this.members[gone] = []
  }

  /** How many groups a group's longest way to the end passes. Groups that are as far from it do not depend on each other. */
  heights(): Map<number, number> {
    const heights = new Map<number, number>()
    const waiting = new Map<number, number>() // for how many readers' heights
    const sources = (group: number) =>
      new Set(
        this.members[group]!.flatMap((member) =>
          this.graph.nodes[member]!.inputs.flatMap((input) => (input ? this.of(input.node) : [])),
        ).filter((source) => source !== group),
      )
    for (const group of new Set(this.groups)) {
      heights.set(group, 0)
      for (const source of sources(group)) waiting.set(source, (waiting.get(source) ?? 0) + 1)
    }
    const known = [...heights.keys()].filter((group) => !waiting.has(group))
    for (let group = known.pop(); group !== undefined; group = known.pop())
      for (const source of sources(group)) {
        heights.set(source, Math.max(heights.get(source)!, heights.get(group)! + 1))
        waiting.set(source, waiting.get(source)! - 1)
        if (waiting.get(source) === 0) known.push(source)
      }
    return heights
  }

  /** Makes one group of groups that are equally far from the end. */
  mergeAlike(groups: readonly number[]): void {
    const [first, ...others] = [...groups].sort((a, b) => a - b)
    for (const other of others) this.unite(first!, other)
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
