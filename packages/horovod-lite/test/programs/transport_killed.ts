// Reduces until somebody is lost, then prints { error, mapped }: what the transport said, and whether shared memory is
// still there. The argument is how many numbers are reduced at a time.
import { readFileSync } from 'node:fs'
import { joinWorld } from '../../src/background/join-world'
import { newSignals } from '../../src/process/messages'
import { worldOf } from '../../src/world'
import { pause } from '../support/calls'

const data = new Float32Array(Number(process.argv[2]))
const environment = process.env
const start = { world: worldOf(environment), environment, transport: 'shm', signals: newSignals() }
setInterval(() => {}, 1000) // sockets do not keep a process
try {
  const { transport } = await joinWorld(start, { onHostsUpdated: () => {}, onBroken: () => {} })
  console.log(JSON.stringify({ begun: true }))
  for (;;) await transport.allreduce(new Uint8Array(data.buffer), 'float32', 'Sum')
} catch (error) {
  await pause(50) // where it was being opened, that stops after the word of a death
  const mapped = readFileSync('/proc/self/maps', 'utf8').includes('memfd:horovod-lite')
  console.log(JSON.stringify({ error: (error as Error).message, mapped }))
}
process.exit(3)
