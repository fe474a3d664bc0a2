import { mismatch } from './mismatch'
import type { Submission, Verdict } from './submission'

/** An operation that some ranks wait for and others have not submitted. */
export interface Stall {
  name: string
  kind: string
  /** Since the first rank submitted it. */
  seconds: number
  present: number[]
  missing: number[]
}

interface Pending {
  submissions: Map<number, Submission>
  since: number
}

export interface NegotiationOptions {
  size: number
  /** Bytes that fused operations may have together. */
  fusionThreshold: number
  /** Milliseconds. */
  now?: () => number
}

/**
 * Decides what runs, in what order: rank 0's coordinator. Operations are matched by name; one that all ranks have
 * submitted becomes a verdict. It knows no sockets: what came from a rank goes in, verdicts for all ranks come out.
 */
export class Negotiation {
  private readonly pending = new Map<string, Pending>()
  private readonly ready: { name: string; submissions: Map<number, Submission> }[] = []
  private readonly blocked = new Map<number, Set<string>>()
  private readonly joined = new Set<number>()
  private readonly left = new Set<number>()
  private lastJoined = -1
  private readonly verdicts: Verdict[] = []
  private readonly now: () => number

  constructor(private readonly options: NegotiationOptions) {
    this.now = options.now ?? (() => performance.now())
  }

  /** A rank has submitted an operation. */
  submit(rank: number, submission: Submission): void {
    const { name } = submission
    const entry = this.pending.get(name) ?? { submissions: new Map<number, Submission>(), since: this.now() }
    this.pending.set(name, entry)
    entry.submissions.set(rank, submission)
    if (submission.blocking) this.blockedOn(rank, [name])
    this.advance(name)
  }

  /** A rank waits for operations that it submitted before, and does nothing else until they have ended. */
  blockedOn(rank: number, names: readonly string[]): void {
    const waiting = this.blocked.get(rank) ?? new Set<string>()
    this.blocked.set(rank, waiting)
    for (const name of names) if (this.pending.get(name)?.submissions.has(rank)) waiting.add(name)
  }

  /** A rank has no more data. */
  join(rank: number): void {
    this.joined.add(rank)
    this.lastJoined = rank
    if (!this.allJoined()) for (const name of [...this.pending.keys()]) this.advance(name)
  }

  /** A rank has said goodbye. What others wait for can then never run. */
  leave(rank: number): void {
    this.left.add(rank)
    if (!this.allJoined()) for (const name of [...this.pending.keys()]) this.advance(name)
  }

  /** Whoever has left will not join any more. */
  private allJoined(): boolean {
    if (this.joined.size === 0 || new Set([...this.joined, ...this.left]).size < this.options.size) return false
    this.joined.clear()
    this.verdicts.push({ kind: 'joined', last: this.lastJoined })
    return true
  }

  /** What has been decided since the last call, in the order in which every rank must do it. */
  take(): Verdict[] {
    this.unblock()
    const decided = this.verdicts.splice(0)
    const runs = this.fuse(this.ready.splice(0))
    // A `joined` verdict comes last: everything ready was submitted before the last rank joined.
    return [
      ...decided.filter(({ kind }) => kind === 'error'),
      ...runs,
      ...decided.filter(({ kind }) => kind === 'joined'),
    ]
  }

  /** Operations that ranks have waited for longer than `seconds`. */
  stalls(seconds: number): Stall[] {
    const stalled: Stall[] = []
    for (const [name, { submissions, since }] of this.pending) {
      const waited = (this.now() - since) / 1000
      if (waited < seconds) continue
      const kind = submissions.values().next().value!.kind
      const present = [...submissions.keys()].sort((a, b) => a - b)
      stalled.push({ name, kind, seconds: waited, present, missing: this.missing(submissions) })
    }
    return stalled
  }

  private missing(submissions: ReadonlyMap<number, Submission>): number[] {
    const ranks = Array.from({ length: this.options.size }, (_, rank) => rank)
    return ranks.filter((rank) => !submissions.has(rank) && !this.joined.has(rank))
  }

  /** Decides about a name where nobody is missing, or somebody will never come. */
  private advance(name: string): void {
    const { submissions } = this.pending.get(name)!
    const missing = this.missing(submissions)
    const gone = missing.find((rank) => this.left.has(rank))
    if (missing.length > 0 && gone === undefined) return
    const { kind } = submissions.values().next().value!
    const message =
      gone !== undefined
        ? `${kind} ${name}: rank ${gone} has shut down, so it can never run; every rank must make the same calls`
        : (mismatch(submissions) ?? this.refusedByJoin(submissions))
    if (message) this.fail([name], message)
    else {
      this.forget(name)
      this.ready.push({ name, submissions })
    }
  }

  /** As in Horovod, only reductions can go on with ranks that have no data. */
  private refusedByJoin(submissions: ReadonlyMap<number, Submission>): string | undefined {
    if (submissions.size === this.options.size) return undefined
    const { kind, name } = submissions.values().next().value!
    if (kind === 'allreduce' || kind === 'barrier') return undefined
    return `${kind} ${name}: got it while ranks ${[...this.joined].sort((a, b) => a - b)} have joined, expected allreduce only; call join() after the last ${kind}`
  }

  /** Where every rank waits for something and nothing can run, the names differ for good. */
  private unblock(): void {
    if (this.ready.length > 0) return
    const ranks = Array.from({ length: this.options.size }, (_, rank) => rank)
    const waiting = ranks.filter((rank) => !this.joined.has(rank) && !this.left.has(rank))
    if (waiting.length === 0 || !waiting.every((rank) => this.waitsInVain(rank))) return
    const names = [...new Set(waiting.flatMap((rank) => [...this.blocked.get(rank)!]))]
    if (names.length === 0) return
    const calls = names.map((name) => {
      const { submissions } = this.pending.get(name)!
      const { kind } = submissions.values().next().value!
      return `${kind} ${name} on rank ${[...submissions.keys()].sort((a, b) => a - b).join(', ')}`
    })
    this.fail(names, `got different calls: ${calls.join('; ')}; every rank must make the same calls in the same order`)
  }

  private waitsInVain(rank: number): boolean {
    const names = this.blocked.get(rank)
    return names !== undefined && names.size > 0
  }

  private fail(names: string[], message: string): void {
    for (const name of names) this.forget(name)
    this.verdicts.push({ kind: 'error', names, message })
  }

  private forget(name: string): void {
    this.pending.delete(name)
    for (const names of this.blocked.values()) names.delete(name)
  }

  /** Small ready operations of one kind, type and reduction share a run. */
  private fuse(ready: { name: string; submissions: Map<number, Submission> }[]): Verdict[] {
    const runs: Extract<Verdict, { kind: 'run' }>[] = []
    for (const { name, submissions } of ready) {
      const like = first(submissions)
      const last = runs.at(-1)
      const counts = this.countsOf(submissions)
      if (last && fits(last, like, this.options.fusionThreshold)) {
        last.names.push(name)
        last.counts.push(counts)
        last.like.push(like)
      } else runs.push({ kind: 'run', names: [name], counts: [counts], like: [like] })
    }
    return runs
  }

  private countsOf(submissions: ReadonlyMap<number, Submission>): number[] {
    const ranks = Array.from({ length: this.options.size }, (_, rank) => rank)
    const { kind } = first(submissions)
    if (kind === 'allgather') return ranks.map((rank) => submissions.get(rank)!.bytes)
    return kind === 'alltoall' ? ranks.flatMap((rank) => submissions.get(rank)!.splits!) : []
  }
}

const first = (submissions: ReadonlyMap<number, Submission>): Submission =>
  submissions.get(Math.min(...submissions.keys()))!

function fits({ like }: Extract<Verdict, { kind: 'run' }>, next: Submission, threshold: number): boolean {
  const [head] = like as [Submission]
  const bytes = like.reduce((sum, { bytes }) => sum + bytes, next.bytes)
  const alike = head.kind === 'allreduce' && next.kind === 'allreduce' && head.wire === next.wire
  return (
    alike &&
    head.fusable &&
    next.fusable &&
    head.attributes.reduction === next.attributes.reduction &&
    bytes <= threshold
  )
}
