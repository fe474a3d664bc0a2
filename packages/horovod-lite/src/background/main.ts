// Entry of the background thread: joins the world, then does what the main thread asks.
import { type MessagePort, workerData } from 'node:worker_threads'
import { HorovodInternalError } from '../elastic/errors'
import { PULSE, Signal, type Start, type ToBackground, type ToMain } from '../process/messages'
import { loadNative } from '../transports/native'
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

// That this thread is alive, for one that waits.
setInterval(() => Atomics.add(signals, Signal.pulse, 1), PULSE).unref()

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
  const { world, peers, transport } = joined
  const native = !('reason' in loadNative())
  const direct = native && transport.allreduceDirect !== undefined
  const lent = native && !peers[0]!.timeline ? transport.lend?.() : undefined // a timeline is the coordinator's
  tell({ type: 'ready', world, transport: transport.name, direct, lent })
} catch (error) {
  const kind = error instanceof HorovodInternalError ? 'internal' : 'other'
  tell({ type: 'failed', kind, message: error instanceof Error ? error.message : String(error) })
}
