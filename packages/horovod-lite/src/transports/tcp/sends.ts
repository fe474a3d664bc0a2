/** What is on its way to other ranks while an operation goes on. */
export class Sends {
  private readonly all: Promise<void>[] = []
  private fail!: (reason: Error) => void
  private readonly failure = new Promise<never>((_, reject) => {
    this.fail = reject
  })

  constructor() {
    this.failure.catch(() => {})
  }

  add(one: Promise<void>): void {
    one.catch(this.fail)
    this.all.push(one)
  }

  /** Waits for what another rank sends, unless one of these has failed. */
  unlessFailed<T>(received: Promise<T>): Promise<T> {
    return Promise.race([received, this.failure])
  }

  /** Resolves when all have been taken. */
  async done(): Promise<void> {
    await Promise.all(this.all)
  }
}
