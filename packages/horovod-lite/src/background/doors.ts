import type { Connection } from '../wire/connection'
import { type Address, Listener } from '../wire/listener'
import { warn } from './warn'

type Handler = (rank: number, connection: Connection) => void

/** Where peers connect to this process. Connections wait until somebody takes those of their role. */
export class Doors {
  private listener?: Listener
  private readonly handlers = new Map<string, Handler>()
  private waiting: { role: string; rank: number; connection: Connection }[] = []

  /** @param hosts addresses to listen on @param who for messages: this rank, where it is known */
  async listen(hosts: string[], secret: string, who: number | null): Promise<Address[]> {
    this.listener = await Listener.open({
      hosts,
      secret,
      onConnection: ({ role, rank }, connection) => {
        const handler = this.handlers.get(role)
        if (handler) handler(rank, connection)
        else this.waiting.push({ role, rank, connection })
      },
      onRefused: (line) => warn(`horovod-lite${who === null ? '' : `, rank ${who}`}: ${line}`),
    })
    this.listener.unref()
    return this.listener.addresses
  }

  get addresses(): Address[] {
    return this.listener?.addresses ?? []
  }

  open(role: string, handler: Handler): void {
    this.handlers.set(role, handler)
    const early = this.waiting.filter((one) => one.role === role)
    this.waiting = this.waiting.filter((one) => one.role !== role)
    for (const { rank, connection } of early) handler(rank, connection)
  }

  close(): void {
    this.listener?.destroy()
  }
}
