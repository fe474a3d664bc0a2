import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'

await tf.ready()
await hvd.init()
const rank = hvd.rank()
const out: Record<string, unknown> = { rank, size: hvd.size(), transport: hvd.transportName() }
out.sum = [...hvd.allreduce(tf.tensor1d([1, 2, 3 + rank]), { op: hvd.Sum }).dataSync()]
out.gather = [...hvd.allgather(tf.fill([rank + 1, 1], rank)).dataSync()]
out.broadcast = [...hvd.broadcast(tf.fill([2], rank), { root: 1 }).dataSync()]
out.object = hvd.broadcastObject({ rank })
const { output, receivedSplits } = hvd.alltoall(tf.tensor1d(Array.from({ length: hvd.size() }, (_, i) => rank * 10 + i)))
out.alltoall = [[...output.dataSync()], receivedSplits]
const big = hvd.allreduce(tf.fill([1_850_305], rank + 1))
out.big = [big.dataSync()[0], big.dataSync()[1_850_304]]
const asyncs = await Promise.all(
  [2, 1, 0].map((i) => hvd.allreduceAsync(tf.scalar(i), { name: `x${(i + rank) % 3}`, op: hvd.Sum })),
)
out.asyncs = asyncs.map((x) => x.dataSync()[0])
try {
  hvd.allreduce(tf.ones([rank + 1]), { name: 'shape' })
} catch (error) {
  out.mismatch = (error as Error).message
}
try {
  hvd.allreduce(tf.ones([1]), { name: `name${rank}` })
} catch (error) {
  out.names = (error as Error).message
}
hvd.barrier()
const small = tf.scalar(1)
for (let i = 0; i < 20; i++) hvd.allreduce(small)
let t = performance.now()
for (let i = 0; i < 200; i++) hvd.allreduce(small)
out.smallMs = (performance.now() - t) / 200
const large = tf.fill([1_850_305], 1)
for (let i = 0; i < 5; i++) tf.dispose(hvd.allreduce(large, { op: hvd.Sum }))
const times: number[] = []
for (let i = 0; i < 21; i++) {
  hvd.barrier()
  t = performance.now()
  tf.dispose(hvd.allreduce(large, { op: hvd.Sum }))
  times.push(performance.now() - t)
}
out.largeMs = times.sort((a, b) => a - b)[10]
out.joined = hvd.join()
await hvd.shutdown()
console.log(JSON.stringify(out))
