import { Negotiation } from '../negotiation/negotiation'
import type { Submission, Verdict } from '../negotiation/submission'
import type { Peer } from '../transports/transport'
import { connect } from '../wire/connect'
import { type Connection, parse } from '../wire/connection'
import type { Environment, World } from '../world'
import type { Doors } from './doors'
import { fusionThreshold } from './settings'
import { limitSilence } from './silence'
import { StallInspector } from './stall-inspector'

/** Role of the connections between rank 0 and the others. */
export const CONTROL_ROLE = 'control'
const ANNOUNCE = 32
const DECIDE = 33

/** What a rank tells the coordinator. */
export type Announcement =
  | { say: 'submit'; submission: Submission }
  | { say: 'blocked'; names: string[] }
  | { say: 'join' }
  | { say: 'leave' }
  /** An operation broke off here. */
  | { say: 'failed'; message: string }

/** What the coordinator tells every rank. `abort`: nothing can go on. `bye`: rank 0 has shut down. */
export type Decision = { verdicts: Verdict[] } | { abort: string } | { bye: true }

/** A rank's way to the coordinator and back, in order. */
export interface Control {
  announce(announcement: Announcement): void
  onDecision: (decision: Decision) => void
  /** Why nothing can go on, as soon as that is so. */
  readonly aborted: Promise<string>
  /** Rank 0: a rank has announced an operation (for the timeline). */
  onSubmitted?: (rank: number, submission: Submission) => void
  /** After a goodbye. Resolves when it is on its way. */
  close(): Promise<void>
}

export interface ControlOptions {
  world: World
  peers: readonly Peer[]
  generation: number
  secret: string
  timeoutSeconds: number
  doors: Doors
  environment: Environment
  /** A rank whose host is silent for so long is dead. */
  silenceSeconds: number
}

export const openControl = (options: ControlOptions): Promise<Control> =>
  options.world.rank === 0 ? Coordinator.open(options) : Member.open(options)

/** What is said within one turn of the event loop travels together. */
class Batch<T> {
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

/** Decisions that come before anybody listens wait. */
class Decisions {
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

class Member extends Decisions implements Control {
  private left = false
  private readonly batch = new Batch<Announcement>((items) => {
    this.connection.send(ANNOUNCE, items).catch(() => {})
  })

  private constructor(
    private readonly connection: Connection,
    coordinator: Peer,
  ) {
    super()
    connection.unref()
    let over = false
    connection.onFrame = (kind, payload) => {
      const decision = kind === DECIDE ? parse<Decision>(payload) : undefined
      if (!decision) return
      over ||= 'abort' in decision || 'bye' in decision
      this.decided(decision)
    }
    connection.onClose = () => {
      if (!over && !this.left) this.decided({ abort: died(coordinator) })
    }
  }

  static async open({
    world,
    peers,
    generation,
    secret,
    timeoutSeconds,
    silenceSeconds,
  }: ControlOptions): Promise<Control> {
    const [coordinator] = peers as [Peer]
    const { addresses } = coordinator
    const { rank } = world
    const hello = { role: CONTROL_ROLE, rank, generation }
    const connection = await connect({ addresses, secret, timeoutSeconds, ...hello })
    limitSilence(connection, silenceSeconds)
    return new Member(connection, coordinator)
  }

  announce(announcement: Announcement): void {
    this.batch.add(announcement)
  }

  async close(): Promise<void> {
    this.left = true
    this.batch.now()
    this.connection.end()
    await closed(this.connection)
  }
}

/** Rank 0's end of the star: asks the negotiation, and tells everybody. */
class Coordinator extends Decisions implements Control {
  onSubmitted?: Control['onSubmitted']
  private readonly members = new Map<number, Connection>()
  private readonly negotiation: Negotiation
  private readonly inspector: StallInspector
  /** What ended it. */
  private over?: Decision
  private readonly gone = new Set<number>()
  private readonly turn = new Batch<null>(() => this.decide())

  private constructor(private readonly options: ControlOptions) {
    super()
    const { world, environment } = options
    this.negotiation = new Negotiation({ size: world.size, fusionThreshold: fusionThreshold(environment) })
    this.inspector = new StallInspector(this.negotiation, environment, (reason) => this.abort(reason))
  }

  /** Resolves when all ranks have connected. */
  static open(options: ControlOptions): Promise<Control> {
    const { doors, world, timeoutSeconds } = options
    const coordinator = new Coordinator(options)
    if (world.size === 1) return Promise.resolve(coordinator)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const missing = options.peers.filter(({ rank }) => rank > 0 && !coordinator.members.has(rank))
        reject(
          new Error(
            `waited ${timeoutSeconds} s for ranks ${missing.map(({ rank, host }) => `${rank} (${host})`).join(', ')} to connect to rank 0; is its address ${JSON.stringify(doors.addresses)} reachable from there? choose another with --network-interface`,
          ),
        )
      }, timeoutSeconds * 1000)
      doors.open(CONTROL_ROLE, (rank, connection) => {
        if (!(rank > 0 && rank < world.size) || coordinator.members.has(rank)) return connection.close()
        coordinator.admit(rank, connection)
        if (coordinator.members.size < world.size - 1) return
        clearTimeout(timer)
        resolve(coordinator)
      })
    })
  }

  announce(announcement: Announcement): void {
    this.hear(0, announcement)
  }

  async close(): Promise<void> {
    this.inspector.stop()
    this.finish({ bye: true })
    for (const connection of this.members.values()) connection.end()
    await Promise.all([...this.members.values()].map(closed))
  }

  private admit(rank: number, connection: Connection): void {
    this.members.set(rank, connection)
    connection.unref()
    limitSilence(connection, this.options.silenceSeconds)
    if (this.over) connection.send(DECIDE, this.over).catch(() => {}) // another has died meanwhile
    connection.onFrame = (kind, payload) => {
      if (kind !== ANNOUNCE) return
      for (const announcement of parse<Announcement[]>(payload) ?? []) this.hear(rank, announcement)
    }
    connection.onClose = () => {
      if (!this.gone.has(rank)) this.abort(died(this.options.peers[rank]!))
    }
  }

  private hear(rank: number, announcement: Announcement): void {
    if (announcement.say === 'submit') {
      this.onSubmitted?.(rank, announcement.submission)
      this.negotiation.submit(rank, announcement.submission)
    } else if (announcement.say === 'blocked') this.negotiation.blockedOn(rank, announcement.names)
    else if (announcement.say === 'join') this.negotiation.join(rank)
    else if (announcement.say === 'leave') {
      this.gone.add(rank)
      this.negotiation.leave(rank)
    } else setTimeout(() => this.abort(announcement.message), 300) // whoever died is told first, if somebody did
    this.turn.add(null)
  }

  private decide(): void {
    const verdicts = this.negotiation.take()
    if (verdicts.length > 0 && !this.over) this.tell({ verdicts: verdicts.map(withoutEntries) })
  }

  private abort(message: string): void {
    this.inspector.stop()
    this.finish({ abort: message })
  }

  private finish(decision: Decision): void {
    if (this.over) return
    this.over = decision
    this.tell(decision)
  }

  private tell(decision: Decision): void {
    const bytes = Buffer.from(JSON.stringify(decision))
    for (const connection of this.members.values()) connection.send(DECIDE, bytes).catch(() => {})
    this.decided(decision)
  }
}

/** Tensors' names and shapes have been compared: nobody needs them any more. */
const withoutEntries = (verdict: Verdict): Verdict =>
  verdict.kind === 'run'
    ? { ...verdict, like: verdict.like.map((submission) => ({ ...submission, entries: [] })) }
    : verdict

const died = ({ rank, host, pid }: Peer) =>
  `rank ${rank} (${host}, pid ${pid}) has died: its connection closed without a goodbye; look at its output`

/** Until the other side has closed too, or does not. */
const closed = (connection: Connection): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      connection.close()
      resolve()
    }, 1000)
    connection.onClose = () => {
      clearTimeout(timer)
      resolve()
    }
  })
