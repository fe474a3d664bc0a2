import type { Control, Decision } from './control'

/** Decisions that come before anybody listens wait. */
export class Decisions {
  private handler?: Control['onDecision']
  private readonly early: Decision[] = []
  private abortedFor!: (reason: string) => void
  readonly aborted = new Promise<string>((resolve) => {
    this.abortedFor = resolve
  })

  set onDecision(handler: Control['onDecision']) {
    this.handler = handler
    for (const decision of this.early.splice(0)) handler(decision)
  }

  protected decided(decision: Decision): void {
    if ('abort' in decision) this.abortedFor(decision.abort)
    if (this.handler) this.handler(decision)
    else this.early.push(decision)
  }
}
