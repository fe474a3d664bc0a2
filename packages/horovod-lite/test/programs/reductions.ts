import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { randomOperations } from '../conformance/random'
import { MemoryTrend } from '../support/memory-trend'

// Of benchmarks/reductions.mjs: random operations. Rank 0 prints from time to time how much memory each rank has, and at the
// end whether it grows. Arguments: operations before memory counts, and then, the largest one's numbers, a seed, bytes that
// rank 1 loses with each.

/** Bytes that may be more in the last quarter than in the first: what the system counts is not still. */
const ALLOWED = { rss: 5e6, heap: 1e6 }

const [warmUp, count, largest, seed, lost] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
]
const total = warmUp + count
tf.enableProdMode() // no advertisement
await tf.ready()
await hvd.init()
const [rank, size] = [hvd.rank(), hvd.size()]
const ranks = Array.from({ length: size }, (_, r) => r)
const world = { tf, hvd, rank, size, ranks, transport: hvd.transportName() }
const say = (line: string) => rank === 0 && console.log(line)
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
say(`${size} ranks, ${world.transport}, ${warmUp} + ${count} operations of up to ${largest} numbers, seed ${seed}`)

const start = performance.now()
const wrong: string[] = []
const leaked: Uint8Array[] = []
const [rss, heap] = [new MemoryTrend(), new MemoryTrend()]
let [told, before] = [0, 0]
for await (const { done, mismatches } of randomOperations(world, { count: total, largest, seed })) {
  wrong.push(...mismatches)
  if (rank === 1 && lost > 0) leaked.push(new Uint8Array(lost * (done - before)).fill(1))
  before = done
  const at = (done - warmUp) / count
  rss.add(at, process.memoryUsage.rss())
  if (done < told + total / 20 && done < total) continue
  ;(globalThis as { gc?(): void }).gc?.() // node --expose-gc
  heap.add(at, process.memoryUsage().heapUsed)
  const all = hvd.allgatherObject({ bytes: process.memoryUsage.rss(), wrong: wrong.length })
  told = done
  const sizes = all.map(({ bytes }) => megabytes(bytes).padStart(6)).join(' ')
  const mismatched = all.reduce((sum, each) => sum + each.wrong, 0)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  say(`${String(done).padStart(6)} after ${seconds} s: RSS ${sizes} MB, ${mismatched} mismatches`)
}
for (const mismatch of wrong.slice(0, 5)) console.log(`rank ${rank}: ${mismatch}`)

const growth = { rss: rss.growth, heap: heap.growth, tensors: tf.memory().numTensors }
const grows = growth.rss > ALLOWED.rss || growth.heap > ALLOWED.heap || growth.tensors > 0
for (const [r, each] of hvd.allgatherObject({ ...growth, grows }).entries())
  say(
    `rank ${r}: from the first to the last quarter ${megabytes(each.rss)} MB of RSS (the least of each), ${megabytes(each.heap)} MB of live objects, ${each.tensors} tensors: ${each.grows ? 'it grows' : 'flat'}`,
  )
await hvd.shutdown()
if (wrong.length > 0 || grows) process.exitCode = 1
