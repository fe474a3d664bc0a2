import { Negotiation } from '../../src/negotiation/negotiation'
import type { Submission, Verdict } from '../../src/negotiation/submission'

/** What a rank's program does, one after the other; at its end it says goodbye. */
export type Step =
  /** Submits and waits. */
  | { call: Submission }
  /** Submits and goes on. */
  | { start: Submission }
  /** Waits for all that was started. */
  | { wait: true }
  | { join: true }

export interface Ended {
  /** What became of each name that the rank submitted, in the order in which it heard. */
  outcomes: { name: string; outcome: 'run' | string }[]
  joined: number[]
  /** Whether its program came to its end. */
  finished: boolean
}

interface Message {
  say: 'submit' | 'blocked' | 'join' | 'leave'
  submission?: Submission
  names?: string[]
}

class Rank {
  readonly ended: Ended = { outcomes: [], joined: [], finished: false }
  readonly outbox: Message[] = []
  readonly inbox: Verdict[] = []
  private readonly underWay = new Set<string>()
  private waitsFor = new Set<string>()
  private joining = false
  private at = 0
  private left = false

  constructor(
    private readonly program: readonly Step[],
    private readonly number: number,
  ) {}

  get runnable(): boolean {
    return !this.ended.finished && !this.joining && this.waitsFor.size === 0
  }

  step(): void {
    const step = this.program[this.at++]
    if (!step) {
      this.ended.finished = true
      this.outbox.push({ say: 'leave' })
    } else if ('join' in step) {
      this.joining = true
      this.outbox.push({ say: 'join' })
    } else if ('wait' in step) this.block([...this.underWay])
    else {
      const submission = 'call' in step ? step.call : step.start
      this.underWay.add(submission.name)
      this.outbox.push({ say: 'submit', submission })
      if ('call' in step) this.block([submission.name])
    }
  }

  private block(names: string[]): void {
    this.waitsFor = new Set(names)
    if (names.length > 0) this.outbox.push({ say: 'blocked', names })
  }

  hear(verdict: Verdict): void {
    if (this.left) {
      if (verdict.kind === 'run') throw new Error(`${verdict.names} must run where a rank has left`)
      return
    }
    if (verdict.kind === 'left') {
      this.left = verdict.rank === this.number
      return
    }
    if (verdict.kind === 'joined') {
      if (!this.joining && !this.ended.finished) throw new Error('heard that all had joined, and had not')
      if (this.joining) this.ended.joined.push(verdict.last)
      this.joining = false
      return
    }
    for (const name of verdict.names) {
      const own = this.underWay.delete(name)
      if (verdict.kind === 'run' && !own && !this.joining)
        throw new Error(`must run ${name}, which it has not submitted`)
      if (own) this.ended.outcomes.push({ name, outcome: verdict.kind === 'run' ? 'run' : verdict.message })
      this.waitsFor.delete(name)
    }
  }
}

/**
 * Runs programs on ranks whose messages to and from the coordinator take as long as chance wants, but stay in order.
 * @param random in [0, 1)
 */
export function simulate(
  programs: readonly (readonly Step[])[],
  random: () => number,
  fusionThreshold = 100,
): { ranks: Ended[]; verdicts: Verdict[] } {
  const negotiation = new Negotiation({ size: programs.length, fusionThreshold })
  const ranks = programs.map((program, number) => new Rank(program, number))
  const all: Verdict[] = []
  const take = () => {
    const verdicts = negotiation.take()
    all.push(...verdicts)
    for (const { inbox } of ranks) inbox.push(...verdicts)
    return verdicts.length > 0
  }
  const tell = (rank: number, { say, submission, names }: Message) => {
    if (say === 'submit') negotiation.submit(rank, submission!)
    else if (say === 'blocked') negotiation.blockedOn(rank, names!)
    else negotiation[say](rank)
  }
  for (;;) {
    const possible = ranks.flatMap((rank, number) => [
      ...(rank.runnable ? [() => rank.step()] : []),
      ...(rank.outbox.length > 0 ? [() => tell(number, rank.outbox.shift()!)] : []),
      ...(rank.inbox.length > 0 ? [() => rank.hear(rank.inbox.shift()!)] : []),
    ])
    if (possible.length > 0) possible[Math.floor(random() * possible.length)]!()
    const took = (possible.length === 0 || random() < 0.3) && take()
    if (possible.length === 0 && !took)
      return { ranks: ranks.map(({ ended }) => ended), verdicts: all.filter(({ kind }) => kind !== 'left') }
  }
}
