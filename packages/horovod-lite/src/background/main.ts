// Entry of the background thread: joins the world, then does what the main thread asks.
import { type MessagePort, workerData } from 'node:worker_threads'
import { HorovodInternalError } from '../elastic/errors'
import { Signal, type Start, type ToBackground, type ToMain } from '../process/messages'
import { Engine } from './engine'
import { type Joined, joinWorld } from './join-world'

const { start, port } = workerData as { start: Start; port: MessagePort }
const signals = new Int32Array(start.signals)
let engine: Engine | undefined

function tell(message: ToMain): void {
  port.postMessage(message)
  Atomics.add(signals, Signal.results, 1)
  Atomics.notify(signals, Signal.results)
}

// From the beginning: it keeps this thread alive, whose sockets do not.
port.on('message', (message: ToBackground) => engine!.handle(message))

try {
  const joined = await new Promise<Joined>((resolve, reject) => {
    joinWorld(start, {
      onHostsUpdated: () => {
        Atomics.add(signals, Signal.hostsUpdated, 1)
      },
      onBroken: (message) => {
        if (engine) engine.abort(message)
        else reject(new HorovodInternalError(message))
      },
    }).then(resolve, reject)
  })
  engine = new Engine(joined, start.environment, tell)
  // The main thread may be blocked: it must hear of an error of ours, too.
  process.on('uncaughtException', (error) => void engine!.breakOff(`the background thread failed: ${error.message}`))
  const { world, transport } = joined
  const lent = start.environment.HOROVOD_TIMELINE ? undefined : transport.lend?.() // the timeline is the coordinator's
  const direct = transport.allreduceDirect !== undefined
  tell({ type: 'ready', world, transport: transport.name, direct, lent })
} catch (error) {
  const kind = error instanceof HorovodInternalError ? 'internal' : 'other'
  tell({ type: 'failed', kind, message: error instanceof Error ? error.message : String(error) })
}
