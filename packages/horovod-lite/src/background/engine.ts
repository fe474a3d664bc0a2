import type { Submission, Verdict } from '../negotiation/submission'
import type { Failure, Result, ToBackground, ToMain } from '../process/messages'
import { Timeline } from '../timeline/timeline'
import { fillNeutral } from '../transports/reduction'
import type { Reduction } from '../transports/transport'
import type { Environment } from '../world'
import type { Decision } from './control'
import { FusionBuffer, runsOf } from './fusion'
import type { Joined } from './join-world'
import { warn } from './warn'

type Request = Extract<ToBackground, { type: 'submit' }>
type Run = Extract<Verdict, { kind: 'run' }>

/** How long a rank waits for the coordinator's word on who died, when an operation of its own broke off. */
const VERDICT_ON_FAILURE = 3000

/** Executes the coordinator's verdicts, one at a time, in their order. */
export class Engine {
  private readonly requests = new Map<string, Request>()
  /** Of the main thread's call of join(). */
  private join?: number
  private queue: Promise<void> = Promise.resolve()
  private failure?: Failure
  /** Something broke off: what comes waits for the failure. */
  private broken = false
  /** Told when this rank has done its last operation. */
  private left?: () => void
  private readonly timeline?: Timeline
  private readonly fusion = new FusionBuffer()
  private readonly rank: number

  constructor(
    private readonly joined: Joined,
    environment: Environment,
    private readonly tell: (message: ToMain) => void,
  ) {
    this.rank = joined.world.rank
    if (environment.HOROVOD_TIMELINE && this.rank === 0)
      this.timeline = new Timeline(environment.HOROVOD_TIMELINE, {
        marksCycles: environment.HOROVOD_TIMELINE_MARK_CYCLES === '1',
        warn: (line) => warn(`horovod-lite: ${line}`),
      })
    joined.control.onDecision = (decision) => this.follow(decision)
    joined.control.onSubmitted = (rank, submission) => this.timeline?.submitted(rank, submission)
  }

  /** What the main thread asks for. */
  handle(message: ToBackground): void {
    const { control } = this.joined
    if (message.type === 'leave') void this.leave(message.id)
    else if (message.type === 'span') this.timeline?.span(message.lane, message.name, message.start, message.end)
    else if (message.type === 'broken') void this.breakOff(message.message)
    else if (message.type === 'blocked') control.announce({ say: 'blocked', names: message.names })
    else if (this.failure) this.answer(message.id, { failure: this.failure })
    else if (message.type === 'join') {
      this.join = message.id
      control.announce({ say: 'join' })
    } else {
      this.requests.set(message.submission.name, message)
      if (!this.broken) control.announce({ say: 'submit', submission: message.submission })
    }
  }

  /** Nothing can go on: all that waits, and all that comes, fails. */
  abort(message: string): void {
    if (this.failure) return
    this.failure = { kind: 'internal', message }
    this.left?.()
    const { failure } = this
    const ids = this.takeAll()
    const answer = () => {
      for (const id of ids) this.answer(id, { failure })
    }
    // Until then the transport may write the main thread's memory.
    this.joined.transport.close(true).then(answer, answer)
  }

  /** Everything that the main thread waits for. */
  private takeAll(): number[] {
    const ids = [...this.requests.values()].map(({ id }) => id)
    this.requests.clear()
    if (this.join !== undefined) ids.push(this.join)
    this.join = undefined
    return ids
  }

  private follow(decision: Decision): void {
    if ('abort' in decision) this.abort(decision.abort)
    else if ('bye' in decision) this.queue = this.queue.then(() => this.abort('rank 0 has shut down'))
    else {
      this.timeline?.cycle()
      for (const verdict of decision.verdicts) this.enqueue(verdict)
    }
  }

  private enqueue(verdict: Verdict): void {
    if (verdict.kind === 'run')
      for (const [i, name] of verdict.names.entries()) this.timeline?.negotiated(name, verdict.like[i]!.kind)
    this.queue = this.queue.then(() => this.execute(verdict))
  }

  private async execute(verdict: Verdict): Promise<void> {
    if (this.failure) return
    if (verdict.kind === 'joined') {
      this.answer(this.join!, { last: verdict.last })
      this.join = undefined
    } else if (verdict.kind === 'left') {
      if (verdict.rank === this.rank) this.left?.()
    } else if (verdict.kind === 'error') {
      const failure = { kind: verdict.gone ? 'internal' : 'mismatch', message: verdict.message } as const
      for (const name of verdict.names) this.finish(name, { failure })
    } else
      try {
        await this.run(verdict)
      } catch (error) {
        await this.breakOff((error as Error).message)
      }
  }

  /** Something of this rank broke off. Who died is the coordinator's to say; if it cannot, this rank says what it saw. */
  async breakOff(message: string): Promise<void> {
    this.broken = true
    this.joined.control.announce({ say: 'failed', message })
    const deadline = performance.now() + VERDICT_ON_FAILURE
    while (!this.failure && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    this.abort(message)
  }

  private async run({ names, counts, like }: Run): Promise<void> {
    const [head] = like as [Submission]
    if (head.kind === 'allreduce') await this.allreduce(names, like)
    else for (const [i, name] of names.entries()) await this.move(name, like[i]!, counts[i]!)
  }

  private async allreduce(names: string[], like: Submission[]): Promise<void> {
    const place = { size: this.joined.world.size, transport: this.joined.transport.name }
    for (const run of runsOf(like, place)) {
      if (this.failure) return
      const [own, ownLike] = [run.map((i) => names[i]!), run.map((i) => like[i]!)]
      await this.reduce(own, ownLike)
      for (const name of own) this.finish(name, {})
    }
  }

  /** Several names: they share a run. */
  private async reduce(names: string[], like: Submission[]): Promise<void> {
    const { transport } = this.joined
    const [{ wire, attributes }] = like as [Submission]
    const op = attributes.reduction as Reduction
    const activity = `${transport.name.toUpperCase()}_ALLREDUCE`
    const requests = names.map((name) => this.requests.get(name))
    const direct = names.length === 1 ? requests[0]?.direct : undefined
    if (direct)
      return this.timed(names, activity, () => transport.allreduceDirect!(direct.input, direct.output, wire, op))
    const parts = requests.map((request, i) => request?.data ?? neutral(like[i]!, op))
    if (parts.length === 1) return this.timed(names, activity, () => transport.allreduce(parts[0]!, wire, op))
    const fused = await this.timed(names, 'MEMCPY_IN_FUSION_BUFFER', async () => this.fusion.fill(parts))
    await this.timed(names, activity, () => transport.allreduce(fused, wire, op))
    await this.timed(names, 'MEMCPY_OUT_FUSION_BUFFER', async () => this.fusion.empty(parts))
  }

  /** Everything that is not a reduction. */
  private async move(name: string, { kind }: Submission, counts: number[]): Promise<void> {
    const { transport, world } = this.joined
    const data = this.requests.get(name)?.data ?? new Uint8Array()
    if (kind === 'barrier') return this.finish(name, {})
    const wireName = `${transport.name.toUpperCase()}_${kind.toUpperCase()}`
    if (kind === 'broadcast') {
      const { root } = this.requests.get(name)!.submission.attributes as { root: number }
      await this.timed([name], wireName, () => transport.broadcast(data, root))
      return this.finish(name, {})
    }
    const { size } = world
    const received = kind === 'allgather' ? counts : counts.filter((_, i) => i % size === this.rank)
    const output = new Uint8Array(new SharedArrayBuffer(received.reduce((sum, count) => sum + count, 0)))
    await this.timed([name], wireName, () =>
      kind === 'allgather'
        ? transport.allgather(data, output, counts)
        : transport.alltoall(data, counts.slice(this.rank * size, (this.rank + 1) * size), output, received),
    )
    this.finish(name, { output, counts: received })
  }

  private async timed<T>(names: string[], activity: string, work: () => Promise<T>): Promise<T> {
    const { timeline } = this
    if (!timeline) return work()
    for (const name of names) timeline.begin(name, activity)
    const done = await work()
    for (const name of names) timeline.end(name)
    return done
  }

  private finish(name: string, outcome: Omit<Result, 'type' | 'id'>): void {
    const request = this.requests.get(name)
    this.timeline?.finished(name)
    if (!request) return // this rank has joined
    this.requests.delete(name)
    this.answer(request.id, outcome)
  }

  private answer(id: number, outcome: Omit<Result, 'type' | 'id'>): void {
    this.tell({ type: 'result', id, ...outcome })
  }

  /** Goodbye: what was decided for all is done first, since the others do it too. */
  private async leave(id: number): Promise<void> {
    const { control, transport } = this.joined
    try {
      if (!this.failure) {
        const left = new Promise<void>((resolve) => {
          this.left = resolve
        })
        control.announce({ say: 'leave' })
        await left
      }
      this.failure ??= { kind: 'internal', message: 'this rank has shut down' }
      for (const each of this.takeAll()) this.answer(each, { failure: this.failure })
      await control.close()
      await transport.close()
      this.joined.close()
      this.timeline?.close()
    } finally {
      this.answer(id, {}) // whatever went wrong: the main thread waits for it
    }
  }
}

/** What a rank that joined contributes. */
function neutral({ bytes, wire }: Submission, op: Reduction): Uint8Array {
  const data = new Uint8Array(new SharedArrayBuffer(bytes))
  fillNeutral(data, wire, op)
  return data
}
