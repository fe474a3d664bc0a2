// How long allreduces of several sizes take on the slowest rank, by the transport alone, as /benchmarks/cost-model.mjs asks.
// Arguments: rounds, then bytes … Rank 0 prints { seconds: a median for each size }.
import { joinWorld } from '../../src/background/join-world'
import { newSignals } from '../../src/process/messages'
import { worldOf } from '../../src/world'

const [rounds, ...sizes] = process.argv.slice(2).map(Number) as [number, ...number[]]
const { env: environment } = process
const world = worldOf(environment)
const start = { world, environment, transport: 'tcp', signals: newSignals() }
const alive = setInterval(() => {}, 1000) // the sockets do not keep a process
const { transport, control, close } = await joinWorld(start, { onHostsUpdated: () => {}, onBroken: () => {} })

/**
 * The longest time of all ranks, in seconds, for one of `repeat` in a row. As many go before it, so that none of the bytes
 * that a limited wire lets pass at once are left.
 */
async function measure(bytes: Uint8Array, repeat: number): Promise<number> {
  const time = new Float32Array(1)
  let began = 0
  for (let i = -repeat; i < repeat; i++) {
    if (i === 0) began = performance.now()
    await transport.allreduce(bytes, 'float32', 'Max')
  }
  time[0] = (performance.now() - began) / 1000 / repeat
  await transport.allreduce(new Uint8Array(time.buffer), 'float32', 'Max')
  return time[0]
}

const seconds: number[] = []
for (const size of sizes) {
  const data = new Float32Array(size / 4)
  const bytes = new Uint8Array(data.buffer)
  const repeat = Math.min(200, Math.ceil(sizes[0]! / size)) // as many bytes in all, or enough
  const times: number[] = []
  for (let round = -2; round < rounds; round++) {
    data.fill(world.rank + 1)
    const time = await measure(bytes, repeat)
    await transport.allreduce(bytes, 'float32', 'Sum')
    const sum = world.size * world.size // of the largest, from each
    if (data[0] !== sum || data.at(-1) !== sum) throw new Error(`got ${data[0]}, ${data.at(-1)}, expected ${sum}`)
    if (round >= 0) times.push(time)
  }
  seconds.push(times.sort((a, b) => a - b)[times.length >> 1]!)
}
if (world.rank === 0) console.log(JSON.stringify({ seconds }))
control.announce({ say: 'leave' })
await control.close()
await transport.close()
close()
clearInterval(alive)
