import type { Hello } from '../wire/authentication'
import type { Connection } from '../wire/connection'
import { type Address, Listener } from '../wire/listener'
import { warn } from './warn'

type Handler = (rank: number, connection: Connection) => void

/** Where peers connect to this process. Connections wait until somebody takes those of their role. */
export class Doors {
  private listener?: Listener
  private readonly handlers = new Map<string, Handler>()
  private readonly waiting: { hello: Hello; connection: Connection }[] = []
  private generation?: number

  /** @param hosts addresses to listen on @param who for messages: this rank, where it is known */
  async listen(hosts: string[], secret: string, who: number | null): Promise<Address[]> {
    this.listener = await Listener.open({
      hosts,
      secret,
      onConnection: (hello, connection) => this.admit(hello, connection),
      onRefused: (line) => warn(`horovod-lite${who === null ? '' : `, rank ${who}`}: ${line}`),
    })
    this.listener.unref()
    return this.listener.addresses
  }

  get addresses(): Address[] {
    return this.listener?.addresses ?? []
  }

  /** The world that this process is of is known: who comes from another is sent away. */
  enter(generation: number): void {
    this.generation = generation
    this.admitAgain()
  }

  open(role: string, handler: Handler): void {
    this.handlers.set(role, handler)
    this.admitAgain()
  }

  close(): void {
    this.listener?.destroy()
  }

  private admitAgain(): void {
    for (const { hello, connection } of this.waiting.splice(0)) this.admit(hello, connection)
  }

  private admit(hello: Hello, connection: Connection): void {
    const handler = this.handlers.get(hello.role)
    if (this.generation !== undefined && hello.generation !== this.generation) connection.close()
    else if (this.generation !== undefined && handler) handler(hello.rank, connection)
    else this.waiting.push({ hello, connection })
  }
}
