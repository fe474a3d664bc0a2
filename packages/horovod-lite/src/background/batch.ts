/** What is said within one turn of the event loop travels together. */
export class Batch<T> {
  private items: T[] = []

  constructor(private readonly flush: (items: T[]) => void) {}

  add(item: T): void {
    if (this.items.push(item) === 1) setImmediate(() => this.now())
  }

  now(): void {
    const items = this.items
    this.items = []
    if (items.length > 0) this.flush(items)
  }
}
