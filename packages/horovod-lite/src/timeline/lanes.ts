/** The number in the name of an operation without one of its own: `allreduce.noname.17`. */
const NUMBER = /(\.noname)\.\d+/

/**
 * The lanes (`tid`) of a trace. What begins and ends in one must nest, so operations that are under way at a time need
 * lanes of their own. One that has a name keeps its lane for the next of that name. Those without share as many as are under
 * way at a time: each of them would be the last in its lane.
 */
export class Lanes {
  private last = 0
  private readonly named = new Map<string, number>()
  /** Of unnamed operations that are under way. */
  private readonly taken = new Map<string, number>()
  /** Lanes that such had before, by what they are called. */
  private readonly free = new Map<string, number[]>()

  constructor(private readonly onNew: (lane: number, title: string) => void) {}

  of(name: string): number {
    const known = this.named.get(name) ?? this.taken.get(name)
    if (known !== undefined) return known
    const title = titleOf(name)
    const lane = this.free.get(title)?.pop() ?? this.open(title)
    if (title === name) this.named.set(name, lane)
    else this.taken.set(name, lane)
    return lane
  }

  /** The operation has ended. */
  finished(name: string): void {
    const lane = this.taken.get(name)
    if (lane === undefined) return
    this.taken.delete(name)
    const title = titleOf(name)
    this.free.set(title, [...(this.free.get(title) ?? []), lane])
  }

  private open(title: string): number {
    this.onNew(++this.last, title)
    return this.last
  }
}

/** What the lane of an operation is called; its name, where it has one of its own. */
export const titleOf = (name: string): string => name.replace(NUMBER, '$1')
