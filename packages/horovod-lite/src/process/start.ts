import { MessageChannel, Worker } from 'node:worker_threads'
import { HorovodInternalError } from '../elastic/errors'
import { fileOf } from '../files'
import { loadNative } from '../transports/native'
import type { Environment, World } from '../world'
import { Client } from './client'
import { newSignals, type Start, type ToMain } from './messages'
import { Shortcut } from './shortcut'

/**
 * Starts the background thread and waits until all ranks are there.
 * @throws one line where the world cannot be joined: what is missing, and what to do; HorovodInternalError where it broke
 *   before it had begun, and another one follows (elastic)
 */
export async function startClient(world: World, environment: Environment, transport: string): Promise<Client> {
  const signals = newSignals()
  const { port1, port2 } = new MessageChannel()
  const start: Start = { world, environment: { ...environment }, transport, signals }
  const worker = new Worker(fileOf('background'), { workerData: { start, port: port2 }, transferList: [port2] })
  const ready = await new Promise<ToMain>((resolve, reject) => {
    port1.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the background thread ended before it had begun')))
  }).finally(() => worker.removeAllListeners())
  if (ready.type !== 'ready') {
    port1.close()
    await worker.terminate()
    if (ready.type !== 'failed') throw new Error('the background thread did not begin')
    throw ready.kind === 'internal' ? new HorovodInternalError(ready.message) : new Error(ready.message)
  }
  worker.unref()
  const { world: agreed, transport: name, direct, lent } = ready
  const loaded = loadNative()
  const native = 'reason' in loaded ? undefined : loaded
  const shortcut = lent && native && new Shortcut(native, lent, agreed.size)
  return new Client(worker, port1, signals, agreed, name, direct, native, shortcut)
}
