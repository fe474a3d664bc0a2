/** Names of operations, by which the ranks' calls find each other. */
export class Names {
  private readonly counts = new Map<string, number>()
  private readonly underWay = new Set<string>()

  /** Of an operation without one, as in Horovod: `allreduce.noname.1`. Equal on all ranks that make the same calls. */
  next(kind: string): string {
    const count = (this.counts.get(kind) ?? 0) + 1
    this.counts.set(kind, count)
    return `${kind}.noname.${count}`
  }

  /** The ranks have made other numbers of calls: all begin to count anew. */
  restart(): void {
    this.counts.clear()
  }

  /** @throws where an operation of this name has not ended */
  take(kind: string, name: string): void {
    if (this.underWay.has(name))
      throw new Error(`got ${kind} ${name} while another of this name has not ended, expected a name once at a time`)
    this.underWay.add(name)
  }

  give(name: string): void {
    this.underWay.delete(name)
  }
}
