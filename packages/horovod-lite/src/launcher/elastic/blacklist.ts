/** Hosts on which a process has failed. They get no more processes, or none until a cooldown is over. */
export class Blacklist {
  private readonly since = new Map<string, number>()

  /** @param cooldown seconds; undefined: for good */
  constructor(
    private readonly cooldown: number | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(host: string): void {
    this.since.set(host, this.now())
  }

  has(host: string): boolean {
    const since = this.since.get(host)
    if (since === undefined) return false
    return this.cooldown === undefined || this.now() - since < this.cooldown * 1000
  }
}
