import type { Peer } from '../transports/transport'
import { connect } from '../wire/connect'
import { type Connection, parse } from '../wire/connection'
import { Batch } from './batch'
import type { Announcement, Control, ControlOptions, Decision } from './control'
import { Decisions } from './decisions'
import { limitSilence } from './silence'
import { ANNOUNCE, CONTROL_ROLE, closed, DECIDE, died } from './star'

/** Another rank's end of the star. */
export class Member extends Decisions implements Control {
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
