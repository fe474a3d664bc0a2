import { Negotiation } from '../negotiation/negotiation'
import type { Verdict } from '../negotiation/submission'
import { type Connection, parse } from '../wire/connection'
import { Batch } from './batch'
import type { Announcement, Control, ControlOptions, Decision } from './control'
import { Decisions } from './decisions'
import { fusionThreshold } from './settings'
import { limitSilence } from './silence'
import { StallInspector } from './stall-inspector'
import { ANNOUNCE, CONTROL_ROLE, closed, DECIDE, died } from './star'

/** Rank 0's end of the star: asks the negotiation, and tells everybody. */
export class Coordinator extends Decisions implements Control {
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
