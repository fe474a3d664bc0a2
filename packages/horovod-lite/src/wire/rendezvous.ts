import type { Peer } from '../transports/transport'
import type { World } from '../world'
import { type Connection, parse } from './connection'
import { type Address, Listener } from './listener'

/** Role of a connection that registers, and its frames. */
export const REGISTER_ROLE = 'register'
export const REGISTER = 16
export const PLACE = 17
export const WAITING = 18
/** The set of hosts has changed (elastic). */
export const HOSTS_UPDATED = 19
/** A process of the current world has ended: it can do nothing more (elastic). */
export const WORLD_BROKEN = 20

/** What a process says of itself. `rank` is null where the rendezvous assigns ranks. */
export interface Registration extends Omit<Peer, 'rank'> {
  rank: number | null
  size: number | null
  /** How its launcher knows it. */
  worker: string
  /** Whether it has the job's training state (elastic). */
  hasState: boolean
}

/** A process's place, and everybody's addresses by rank. */
export interface Place {
  world: World
  peers: Peer[]
  /** How many worlds there were before this one. */
  generation: number
}

/** A registered process that waits for its place, or has it. */
export interface Registered {
  registration: Registration
  connection: Connection
}

/** Asked whenever somebody has come or gone. */
export interface Policy {
  /** Who gets which place: null for those who go on waiting, undefined while some are missing. */
  assign(waiting: readonly Registered[]): (World | null)[] | undefined
  /** Whom the others wait for, for their messages where they are tired of it. */
  missing?(waiting: readonly Registered[]): string
  /** A process's connection has ended. */
  onLeave?(registered: Registered): void
}

export interface RendezvousOptions {
  host: string
  port?: number
  secret: string
  policy?: Policy
  onRefused?(line: string): void
}

/** Where all processes of a job register, and learn of each other. Worlds may follow each other: whoever registers again waits for the next. */
export class RendezvousServer {
  private readonly waiting: Registered[] = []
  private readonly all = new Set<Registered>()
  private generation = 0
  private listener!: Listener

  private constructor(private readonly policy: Policy) {}

  static async open({
    host,
    port,
    secret,
    policy = everybody,
    onRefused,
  }: RendezvousOptions): Promise<RendezvousServer> {
    const server = new RendezvousServer(policy)
    server.listener = await Listener.open({
      hosts: [host],
      port,
      secret,
      onRefused,
      onConnection: ({ role }, connection) => {
        if (role === REGISTER_ROLE) server.admit(connection)
        else connection.close()
      },
    })
    return server
  }

  get address(): Address {
    return this.listener.addresses[0]!
  }

  /** A frame to every process that has a connection. */
  notify(kind: number, payload: object = {}): void {
    for (const { connection } of this.all) connection.send(kind, payload).catch(() => {})
  }

  /** Asks the policy again, for instance since the hosts have changed. */
  reconsider(): void {
    const worlds = this.policy.assign(this.waiting)
    if (worlds) {
      this.place(worlds)
      return
    }
    if (!this.policy.missing) return
    const missing = this.policy.missing(this.waiting)
    for (const { connection } of this.waiting) connection.send(WAITING, { missing }).catch(() => {})
  }

  close(): void {
    this.listener.destroy()
  }

  private admit(connection: Connection): void {
    let registered: Registered | undefined
    connection.onFrame = (kind, payload) => {
      const registration = kind === REGISTER ? parse<Registration>(payload) : undefined
      if (!registration) return connection.close()
      if (registered) this.forget(registered)
      registered = { registration, connection }
      this.all.add(registered)
      this.waiting.push(registered)
      this.reconsider()
    }
    connection.onClose = () => {
      if (!registered) return
      this.forget(registered)
      this.policy.onLeave?.(registered)
      this.reconsider()
    }
  }

  private forget(registered: Registered): void {
    this.all.delete(registered)
    const at = this.waiting.indexOf(registered)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  private place(worlds: readonly (World | null)[]): void {
    const placed = this.waiting.flatMap((registered, i) => {
      const world = worlds[i]
      return world ? [{ ...registered, world }] : []
    })
    const left = this.waiting.filter((_, i) => !worlds[i])
    this.waiting.splice(0, this.waiting.length, ...left)
    const peers = placed
      .map(
        ({ registration: { rank: _, size: __, worker: ___, hasState: ____, ...rest }, world: { rank } }): Peer => ({
          rank,
          ...rest,
        }),
      )
      .sort((a, b) => a.rank - b.rank)
    const generation = this.generation++
    for (const { connection, world } of placed)
      connection.send(PLACE, { world, peers, generation } satisfies Place).catch(() => {})
  }
}

/** The launcher has given the ranks: a world is complete when each is there. */
const everybody: Policy = {
  assign(waiting) {
    const size = waiting[0]?.registration.size
    if (!size || new Set(waiting.map(({ registration }) => registration.rank)).size < size) return undefined
    const placeholder = { localRank: 0, localSize: 1, crossRank: 0, crossSize: 1, source: null } // each knows its own
    return waiting.map(({ registration: { rank } }) => ({ rank: rank!, size, ...placeholder }))
  },
  missing(waiting) {
    const there = new Set(waiting.map(({ registration }) => registration.rank))
    const size = waiting[0]?.registration.size ?? 0
    const absent = Array.from({ length: size }, (_, rank) => rank).filter((rank) => !there.has(rank))
    return `rank${absent.length === 1 ? '' : 's'} ${absent.join(', ')}`
  },
}
