import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { randomOperations } from '../conformance/random'

// Of benchmarks/reductions.mjs: random operations, and rank 0 prints from time to time how much memory each rank has.

const [count, largest, seed] = process.argv.slice(2).map(Number) as [number, number, number]
tf.enableProdMode() // no advertisement
await tf.ready()
await hvd.init()
const [rank, size] = [hvd.rank(), hvd.size()]
const ranks = Array.from({ length: size }, (_, r) => r)
const world = { tf, hvd, rank, size, ranks, transport: hvd.transportName() }
const say = (line: string) => rank === 0 && console.log(line)
say(`${size} ranks, ${world.transport}, ${count} operations of up to ${largest} numbers, seed ${seed}`)
const start = performance.now()
const wrong: string[] = []
let told = 0
for await (const { done, mismatches } of randomOperations(world, { count, largest, seed })) {
  wrong.push(...mismatches)
  if (done < told + count / 10 && done < count) continue
  told = done
  const state = { rss: process.memoryUsage().rss, wrong: wrong.length, tensors: tf.memory().numTensors }
  const all = hvd.allgatherObject(state)
  const megabytes = all.map(({ rss }) => String(Math.round(rss / 1e6)).padStart(4)).join(' ')
  const mismatched = all.reduce((sum, each) => sum + each.wrong, 0)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  say(
    `${String(done).padStart(6)} after ${seconds} s: RSS ${megabytes} MB, ${all[0]!.tensors} tensors, ${mismatched} mismatches`,
  )
}
for (const mismatch of wrong.slice(0, 5)) console.log(`rank ${rank}: ${mismatch}`)
await hvd.shutdown()
if (wrong.length > 0) process.exitCode = 1
