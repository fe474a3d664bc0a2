import { mismatch } from './mismatch'
import { listed, type Submission, type Verdict } from './submission'

/** An operation that some ranks wait for and others have not submitted. */
export interface Stall {
  name: string
  kind: string
  /** Since the first rank submitted it. */
  seconds: number
  missing: number[]
}

export interface NegotiationOptions {
  size: number
  /** Bytes that fused operations may have together. */
  fusionThreshold: number
  /** Milliseconds. */
  now?: () => number
}

type Submissions = Map<number, Submission>
type Run = Extract<Verdict, { kind: 'run' }>

/**
 * Decides what runs, in what order: rank 0's coordinator. Operations are matched by name; one that all ranks have
 * submitted becomes a verdict. It knows no sockets: what came from a rank goes in, verdicts for all ranks come out.
 */
export class Negotiation {
  private readonly pending = new Map<string, { submissions: Submissions; since: number }>()
  private readonly blocked = new Map<number, Set<string>>()
  private readonly joined = new Set<number>()
  private readonly left = new Set<number>()
  private verdicts: Verdict[] = []
  /** Of the verdicts, runs that take more operations of their sort. */
  private readonly open = new Map<string, { run: Run; bytes: number }>()
  private readonly ranks: number[]
  private readonly now: () => number

  constructor(private readonly options: NegotiationOptions) {
    this.ranks = Array.from({ length: options.size }, (_, rank) => rank)
    this.now = options.now ?? (() => performance.now())
  }

  /**
   * A rank has submitted an operation.
   * @throws where it has one of this name under way: ranks must refuse that before they announce it
   */
  submit(rank: number, submission: Submission): void {
    const { kind, name } = submission
    const { submissions, since } = this.pending.get(name) ?? { submissions: new Map(), since: this.now() }
    if (submissions.has(rank))
      throw new Error(`${kind} ${name}: got it twice from rank ${rank}, expected a name once at a time`)
    this.pending.set(name, { submissions, since })
    submissions.set(rank, submission)
    this.advance(name)
  }

  /** A rank waits for operations that it submitted before, and does nothing else until they have ended. */
  blockedOn(rank: number, names: readonly string[]): void {
    const waiting = this.blocked.get(rank) ?? new Set<string>()
    this.blocked.set(rank, waiting)
    for (const name of names) if (this.pending.get(name)?.submissions.has(rank)) waiting.add(name)
  }

  /** A rank has no more data, and does nothing else until all have joined. */
  join(rank: number): void {
    this.joined.add(rank)
    this.advanceAll()
    this.endJoin(rank)
  }

  /** A rank has said goodbye. What others wait for can then never run, nor what it submitted itself. */
  leave(rank: number): void {
    this.left.add(rank)
    for (const [name, { submissions }] of this.pending)
      if (submissions.delete(rank) && submissions.size === 0) this.pending.delete(name)
    this.verdicts.push({ kind: 'left', rank })
    this.open.clear() // what it takes part in runs before
    this.advanceAll()
    this.endJoin([...this.joined].at(-1))
  }

  /** What has been decided since the last call, in the order in which every rank must do it. */
  take(): Verdict[] {
    this.failWhereAllWaitInVain()
    const { verdicts } = this
    this.verdicts = []
    this.open.clear()
    return verdicts
  }

  /** Operations that ranks have waited for longer than `seconds`. */
  stalls(seconds: number): Stall[] {
    const stalled: Stall[] = []
    for (const [name, { submissions, since }] of this.pending) {
      const waited = (this.now() - since) / 1000
      if (waited < seconds) continue
      const { kind } = someOf(submissions)
      stalled.push({ name, kind, seconds: waited, missing: this.missing(submissions) })
    }
    return stalled
  }

  private missing(submissions: Submissions): number[] {
    return this.ranks.filter((rank) => !submissions.has(rank) && !this.joined.has(rank))
  }

  private advanceAll(): void {
    for (const name of [...this.pending.keys()]) this.advance(name)
  }

  /** Decides about a name where nobody is missing, or somebody will never come. */
  private advance(name: string): void {
    const { submissions } = this.pending.get(name)!
    if (this.left.size === 0 && submissions.size + this.joined.size < this.options.size) return
    const missing = this.missing(submissions)
    const gone = missing.find((rank) => this.left.has(rank))
    if (missing.length > 0 && gone === undefined) return
    const { kind } = someOf(submissions)
    const message =
      gone === undefined
        ? (mismatch(submissions) ?? this.refusedByJoin(submissions))
        : `${kind} ${name}: rank ${gone} has shut down, so it can never run; every rank must make the same calls`
    if (message) this.fail([name], message, gone !== undefined)
    else this.run(name, submissions)
  }

  /** As in Horovod, only reductions can go on with ranks that have no data. */
  private refusedByJoin(submissions: Submissions): string | undefined {
    const { kind, name } = someOf(submissions)
    if (submissions.size === this.options.size || kind === 'allreduce' || kind === 'barrier') return undefined
    return `${kind} ${name}: got it where ${listed([...this.joined])} had joined, expected allreduce only; call join() after the last ${kind}`
  }

  /** Where all ranks that are left have joined, they go on together; `last` came last. */
  private endJoin(last: number | undefined): void {
    if (last === undefined || this.joined.size + this.left.size < this.options.size) return
    this.joined.clear()
    this.verdicts.push({ kind: 'joined', last })
  }

  /** Where every rank waits for something that not all have submitted, their calls differ for good. */
  private failWhereAllWaitInVain(): void {
    const waiting = this.ranks.filter((rank) => !this.joined.has(rank) && !this.left.has(rank))
    if (waiting.some((rank) => !this.blocked.get(rank)?.size)) return
    const names = [...new Set(waiting.flatMap((rank) => [...this.blocked.get(rank)!]))]
    if (names.length === 0) return
    const calls = names.map((name) => {
      const { submissions } = this.pending.get(name)!
      return `${someOf(submissions).kind} ${name} on ${listed([...submissions.keys()])}`
    })
    this.fail(names, `got different calls: ${calls.join('; ')}; every rank must make the same calls in the same order`)
  }

  private fail(names: string[], message: string, gone = false): void {
    this.forget(names)
    this.verdicts.push({ kind: 'error', names, message, ...(gone && { gone }) })
  }

  /** Small ready operations of one type and reduction share a run. */
  private run(name: string, submissions: Submissions): void {
    this.forget([name])
    const like = submissions.get(Math.min(...submissions.keys()))!
    const counts = this.countsOf(submissions)
    const { kind, wire, bytes, attributes, fusable } = like
    const sort = `${kind} ${wire} ${attributes.reduction}`
    const open = fusable ? this.open.get(sort) : undefined
    if (open && open.bytes + bytes <= this.options.fusionThreshold) {
      open.bytes += bytes
      open.run.names.push(name)
      open.run.counts.push(counts)
      open.run.like.push(like)
      return
    }
    const run: Run = { kind: 'run', names: [name], counts: [counts], like: [like] }
    this.verdicts.push(run)
    if (fusable) this.open.set(sort, { run, bytes })
  }

  private countsOf(submissions: Submissions): number[] {
    const { kind } = someOf(submissions)
    if (kind === 'allgather') return this.ranks.map((rank) => submissions.get(rank)!.bytes)
    return kind === 'alltoall' ? this.ranks.flatMap((rank) => submissions.get(rank)!.splits!) : []
  }

  private forget(names: readonly string[]): void {
    for (const name of names) {
      this.pending.delete(name)
      for (const waiting of this.blocked.values()) waiting.delete(name)
    }
  }
}

const someOf = (submissions: Submissions): Submission => submissions.values().next().value!
