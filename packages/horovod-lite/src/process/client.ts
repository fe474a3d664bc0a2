import { deserialize, serialize } from 'node:v8'
import { type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { HorovodInternalError } from '../elastic/errors'
import type { Submission } from '../negotiation/submission'
import type { Native } from '../transports/native'
import type { MemoryRange } from '../transports/transport'
import type { World } from '../world'
import { SharedMemory } from './memory'
import { type Failure, type Result, Signal, type ToBackground, type ToMain } from './messages'
import { Names } from './names'
import { Pulse } from './pulse'
import type { Shortcut } from './shortcut'

/** Arrays that travel. */
export type Numbers = Float32Array | Int32Array | Uint8Array | Uint16Array

/** Of a submitted operation. */
export type Ticket = { readonly id: number; readonly name: string }
export type Outcome = Omit<Result, 'type' | 'id' | 'failure'>

interface Waiter {
  resolve(outcome: Outcome): void
  reject(reason: Error): void
}

/** Transports whose operations block the background thread. */
const BLOCKED = ['mpi']

/** Milliseconds that the main thread waits before it says so. */
const UNSAID = 5

/** Longest wait for the background thread's goodbye when the program ends, in milliseconds. */
const GOODBYE = 3000

/** The main thread's side of the background thread. */
export class Client {
  /** For what is submitted as `data`. */
  readonly memory = new SharedMemory()
  private readonly results = new Map<number, Result>()
  private readonly waiters = new Map<number, Waiter>()
  private readonly underWay = new Map<number, { name: string; memory?: ArrayBufferView[] }>()
  private readonly names = new Names()
  private readonly waitedFor = new Set<string>()
  private readonly signals: Int32Array
  private readonly pulse: Pulse
  /** Why the background thread does nothing any more. */
  private dead?: Failure
  private next = 1
  /** `next` when the ranks last counted alike for certain, and how often all have joined. */
  private counted = 0
  private joins = 0
  private ended = false

  constructor(
    private readonly worker: Worker,
    private readonly port: MessagePort,
    signals: SharedArrayBuffer,
    /** As the ranks agreed. */
    readonly world: World,
    readonly transport: string,
    /** Whether the transport reads and writes this thread's memory (`Request.direct`). */
    readonly direct: boolean,
    private readonly native?: Native,
    private readonly shortcut?: Shortcut,
  ) {
    this.signals = new Int32Array(signals)
    this.pulse = new Pulse(this.signals)
    worker.on('error', ({ message }) => this.lose(message))
    worker.on('exit', () => this.lose('it has ended'))
    port.on('message', (message: ToMain) => this.receive(message))
    port.unref()
    process.on('exit', this.onExit)
  }

  /** @returns `given`, or the next of this kind */
  nameOf(kind: string, given?: string): string {
    return given ?? this.names.next(kind)
  }

  /**
   * @param payload `data`: shared memory, for what is sent and (allreduce, broadcast) received. `input` and `output`: memory of
   *   this thread, where `direct`; neither may change or move until the operation has ended
   * @throws where an operation of this name has not ended yet on this rank
   */
  submit(submission: Submission, payload: { data: Uint8Array } | { input: Numbers; output: Numbers }): Ticket {
    const { kind, name } = submission
    this.names.take(kind, name)
    const ticket = this.post(name, (id) => ({
      type: 'submit',
      id,
      submission,
      ...('data' in payload
        ? payload
        : { direct: { input: this.addressOf(payload.input), output: this.addressOf(payload.output) } }),
    }))
    const memory = 'data' in payload ? undefined : [payload.input, payload.output] // kept alive
    this.underWay.set(ticket.id, { name, memory })
    return ticket
  }

  /**
   * Does an operation here and now where all ranks' main threads wait for it (`Shortcut`).
   * @returns false where it must be submitted
   */
  doNow(submission: Submission, memory?: { input: Numbers; output: Numbers }): boolean {
    if (!this.shortcut || this.underWay.size > 0 || this.ended) return false
    if (!this.shortcut.meet(this.joins * 2 ** 24 + this.next - this.counted, submission)) return false
    this.next++
    if (!memory) return true
    const [input, output] = [this.addressOf(memory.input), this.addressOf(memory.output)]
    const problem = this.shortcut.allreduce(submission, input, output)
    if (problem) this.tell({ type: 'broken', message: problem }) // then what is submitted fails, with the reason
    return !problem
  }

  /** Says that this rank has no more data. */
  join(): Ticket {
    return this.post('join', (id) => ({ type: 'join', id }))
  }

  /** This thread is going to wait for it: the coordinator is told so together with the next that it waits for. */
  announce({ name }: Ticket): void {
    this.waitedFor.add(name)
  }

  /** Blocks this thread until it has ended. @throws what the ranks disagree about, or `HorovodInternalError` */
  wait(ticket: Ticket): Outcome {
    this.announce(ticket)
    this.waitAWhile(ticket)
    try {
      for (let told = false; ; told = true) {
        const seen = Atomics.load(this.signals, Signal.results)
        this.drain()
        const result = this.results.get(ticket.id)
        if (result) {
          this.results.delete(ticket.id)
          return outcomeOf(result)
        }
        if (this.dead) throw errorOf(this.dead)
        if (!told && this.underWay.has(ticket.id)) this.tell({ type: 'blocked', names: [...this.waitedFor] })
        if (!this.pulse.wait(seen) && !BLOCKED.includes(this.transport)) this.lose('it gives no sign of life')
      }
    } finally {
      this.waitedFor.delete(ticket.name)
    }
  }

  /** Most operations end soon: then nobody need hear that this thread waits for them. */
  private waitAWhile({ id }: Ticket): void {
    const end = performance.now() + UNSAID
    for (let left = UNSAID; left > 0; left = end - performance.now()) {
      const seen = Atomics.load(this.signals, Signal.results)
      this.drain()
      if (this.results.has(id)) return
      Atomics.wait(this.signals, Signal.results, seen, left)
    }
  }

  promise({ id }: Ticket): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.dead) return reject(errorOf(this.dead))
      this.waiters.set(id, { resolve, reject })
      this.port.ref()
      this.worker.ref() // its end is told too
      const early = this.results.get(id)
      if (early) this.settle(early)
    })
  }

  serialize(value: unknown): Uint8Array {
    return serialize(value)
  }

  deserialize<T>(bytes: Uint8Array): T {
    return deserialize(bytes) as T
  }

  /** A span of the main thread's work for the timeline. */
  span(lane: string, name: string, start: number, end: number): void {
    this.tell({ type: 'span', lane, name, start, end })
  }

  /** How often the hosts have changed since the start (elastic). */
  get hostsUpdated(): number {
    return Atomics.load(this.signals, Signal.hostsUpdated)
  }

  /** Says goodbye and ends the thread. */
  async close(): Promise<void> {
    if (this.ended) return
    this.ended = true
    process.off('exit', this.onExit)
    const left = this.post('leave', (id) => ({ type: 'leave', id }))
    if (!this.dead) await this.promise(left).catch(() => {})
    this.shortcut?.close()
    this.port.close()
    await this.worker.terminate()
  }

  /** A program that ends well has said goodbye; one that fails leaves the others with an error. */
  private readonly onExit = (code: number) => {
    if (this.ended || code !== 0) return
    this.ended = true
    const { id } = this.post('leave', (id) => ({ type: 'leave', id }))
    const deadline = performance.now() + GOODBYE
    while (!this.results.has(id) && performance.now() < deadline) {
      Atomics.wait(this.signals, Signal.results, Atomics.load(this.signals, Signal.results), 20)
      this.drain()
    }
  }

  private addressOf(array: Numbers): MemoryRange {
    return { address: this.native!.addressOf(array), bytes: array.byteLength }
  }

  private post(name: string, message: (id: number) => ToBackground): Ticket {
    const id = this.next++
    this.tell(message(id))
    return { id, name }
  }

  private tell(message: ToBackground): void {
    this.port.postMessage(message)
  }

  private drain(): void {
    for (let got = receiveMessageOnPort(this.port); got; got = receiveMessageOnPort(this.port))
      this.receive(got.message as ToMain)
  }

  private receive(message: ToMain): void {
    if (message.type !== 'result') return
    if (message.last !== undefined) {
      this.names.restart() // all have joined, after other numbers of calls
      this.joins++
    }
    if (message.last !== undefined || message.failure) this.counted = this.next - 1
    const ended = this.underWay.get(message.id)
    if (ended) this.names.give(ended.name)
    this.underWay.delete(message.id)
    this.results.set(message.id, message)
    if (this.waiters.has(message.id)) this.settle(message)
  }

  /** The background thread is dead, and so is everything that waits for it. */
  private lose(reason: string): void {
    this.dead ??= { kind: 'internal', message: `the background thread is dead: ${reason}` }
    const { dead: failure } = this
    for (const id of this.waiters.keys()) this.receive({ type: 'result', id, failure })
  }

  private settle(result: Result): void {
    const { resolve, reject } = this.waiters.get(result.id)!
    this.waiters.delete(result.id)
    this.results.delete(result.id)
    if (this.waiters.size === 0) {
      this.port.unref()
      this.worker.unref()
    }
    try {
      resolve(outcomeOf(result))
    } catch (error) {
      reject(error as Error)
    }
  }
}

function outcomeOf({ failure, output, counts, last }: Result): Outcome {
  if (failure) throw errorOf(failure)
  return { output, counts, last }
}

export const errorOf = ({ kind, message }: Failure): Error =>
  kind === 'internal' ? new HorovodInternalError(message) : new Error(message)
