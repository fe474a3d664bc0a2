// How long an allreduce of float32 numbers takes, as /benchmarks/allreduce.mjs asks: of a `tensor`, of an array `in place`, or
// by the `transport` alone. Rank 0 prints { transport, ms, memcpyMs }: medians.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { joinWorld } from '../../src/background/join-world'
import { newSignals } from '../../src/process/messages'
import { loadNative } from '../../src/transports/native'
import { worldOf } from '../../src/world'

const [numbers, rounds] = process.argv.slice(2, 4).map(Number) as [number, number]
const form = process.argv[4] as 'tensor' | 'in place' | 'transport'
const WARM_UP = 10

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

type Arrays = { from: Float32Array; to: Float32Array }

/** Medians of `reduce` and of a copy between the same arrays, which all ranks do at the same times. */
async function measure(barrier: () => unknown, reduce: () => Arrays | Promise<Arrays>) {
  const times: number[] = []
  const copies: number[] = []
  for (let round = -WARM_UP; round < rounds; round++) {
    await barrier()
    const start = performance.now()
    const reducing = reduce()
    const { from, to } = reducing instanceof Promise ? await reducing : reducing
    const reduced = performance.now()
    to.set(from)
    if (round < 0) continue
    times.push(reduced - start)
    copies.push(performance.now() - reduced)
  }
  return { ms: median(times), memcpyMs: median(copies) }
}

function check(sum: number, size: number): void {
  if (sum !== (size * (size + 1)) / 2) throw new Error(`got ${sum}, expected the sum of 1 to ${size}`)
}

/** By the public interface. */
async function byInterface(reduceOnce: () => () => Arrays) {
  await hvd.init()
  const times = await measure(hvd.barrier, reduceOnce())
  const report = { rank: hvd.rank(), transport: hvd.transportName(), ...times }
  await hvd.shutdown()
  return report
}

/** From a tensor to a new one. */
function reduceTensor() {
  const tensor = tf.fill([numbers], hvd.rank() + 1)
  const from = tensor.dataSync<'float32'>()
  return () => {
    const reduced = hvd.allreduce(tensor, { op: hvd.Sum })
    const to = reduced.dataSync<'float32'>()
    check(to[numbers - 1]!, hvd.size())
    reduced.dispose()
    return { from, to }
  }
}

/** As a C program, and an engine with its own memory, does. */
function reduceInPlace() {
  const from = new Float32Array(numbers).fill(hvd.rank() + 1)
  const to = from.slice()
  return () => {
    hvd.allreduce_(to, { op: hvd.Sum })
    check(to[numbers - 1]!, hvd.size())
    return { from, to } // the copy that follows makes it what it was
  }
}

/** By the transport, in this thread: without negotiation, messages between threads, and new memory. As C: from array to array, where it can. */
async function byTransport() {
  const environment = process.env
  const name = environment.HOROVOD_TRANSPORT ?? 'auto'
  const start = { world: worldOf(environment), environment, transport: name, signals: newSignals() }
  const alive = setInterval(() => {}, 1000)
  const { transport, world, control, close } = await joinWorld(start, { onHostsUpdated: () => {}, onBroken: () => {} })
  const [from, to] = [new Float32Array(numbers).fill(world.rank + 1), new Float32Array(numbers)]
  const native = loadNative()
  const reduce = async () => {
    if ('reason' in native || !transport.allreduceDirect) {
      to.set(from)
      return transport.allreduce(new Uint8Array(to.buffer), 'float32', 'Sum')
    }
    const [input, output] = [from, to].map((array) => ({ address: native.addressOf(array), bytes: array.byteLength }))
    return transport.allreduceDirect(input!, output!, 'float32', 'Sum')
  }
  const times = await measure(
    () => transport.allreduce(new Uint8Array(4), 'float32', 'Sum'),
    async () => {
      await reduce()
      check(to[numbers - 1]!, world.size)
      return { from, to }
    },
  )
  control.announce({ say: 'leave' })
  await control.close()
  await transport.close()
  close()
  clearInterval(alive)
  return { rank: world.rank, transport: transport.name, ...times }
}

const measured = {
  tensor: () => byInterface(reduceTensor),
  'in place': () => byInterface(reduceInPlace),
  transport: byTransport,
}
const { rank, ...report } = await measured[form]()
if (rank === 0) console.log(JSON.stringify(report))
