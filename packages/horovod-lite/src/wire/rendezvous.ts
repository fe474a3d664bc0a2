import type { Peer } from '../transports/transport'
import type { World } from '../world'
import { type Connection, parse } from './connection'
import { everybody } from './everybody'
import { listeningAddresses } from './interfaces'
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
/** This process has no place here; why. */
export const REJECTED = 21

/** What a process says of itself. `rank` is null where the rendezvous assigns ranks. */
export interface Registration extends Omit<Peer, 'rank'> {
  rank: number | null
  size: number | null
  /** How its launcher knows it. */
  worker: string
  /** Whether it has the job's training state (elastic). */
  hasState: boolean
  /** The world in which it had a place has broken before it had begun (elastic). */
  neverBegan?: boolean
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

/** Milliseconds until those who wait are told who is missing: many may come at once. */
const TELL_AFTER = 50

/** Asked whenever somebody has come or gone. */
export interface Policy {
  /** Why a process cannot be of this job; undefined where it can. */
  reject?(registration: Registration, waiting: readonly Registered[]): string | undefined
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
  private telling?: NodeJS.Timeout

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
      hosts: await listeningAddresses(host),
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

  /** Where other hosts reach it. */
  get address(): Address {
    return this.listener.addresses.at(-1)!
  }

  /** A frame to every process that has a connection. */
  notify(kind: number, payload: object = {}): void {
    for (const { connection } of this.all) connection.send(kind, payload).catch(() => {})
  }

  /** Asks the policy again, for instance since the hosts have changed. */
  reconsider(): void {
    const worlds = this.policy.assign(this.waiting)
    if (worlds) this.place(worlds)
    else if (this.policy.missing) this.telling ??= setTimeout(() => this.tellMissing(), TELL_AFTER)
  }

  close(): void {
    clearTimeout(this.telling)
    this.listener.destroy()
  }

  private admit(connection: Connection): void {
    let registered: Registered | undefined
    connection.onFrame = (kind, payload) => {
      const registration = kind === REGISTER ? parse<Registration>(payload) : undefined
      if (!registration) return connection.close()
      if (registered) this.forget(registered)
      registered = undefined
      const problem = this.policy.reject?.(registration, this.waiting)
      if (problem) return void connection.send(REJECTED, problem).catch(() => {})
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

  private tellMissing(): void {
    this.telling = undefined
    const missing = this.policy.missing!(this.waiting)
    for (const { connection } of this.waiting) connection.send(WAITING, missing).catch(() => {})
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
      .map(({ registration, world: { rank } }) => peerOf(rank, registration))
      .sort((a, b) => a.rank - b.rank)
    const generation = this.generation++
    for (const { connection, world } of placed)
      connection.send(PLACE, { world, peers, generation } satisfies Place).catch(() => {})
  }
}

const peerOf = (rank: number, { host, hostId, pid, addresses, native, timeline }: Registration): Peer => ({
  ...{ rank, host, hostId, pid, addresses, native, timeline },
})
