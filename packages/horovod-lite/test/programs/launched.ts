// What ranks do that hvdrun starts: a word for each.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'

const [what, which = ''] = process.argv.slice(2)
const nap = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
await hvd.init()
const rank = hvd.rank()
const chosen = which.split(',').includes(String(rank))
const sum = () => hvd.allreduce(tf.scalar(rank), { op: hvd.Sum }).dataSync()[0]

if (what === 'sum') {
  const place = [rank, hvd.size(), hvd.localRank(), hvd.localSize(), hvd.crossRank(), hvd.crossSize()]
  console.log(JSON.stringify({ place, sum: sum(), transport: hvd.transportName() }))
} else if (what === 'large') {
  const timed = (size: number) => {
    hvd.barrier()
    const start = performance.now()
    const sums = hvd.allreduce(tf.fill([size], rank + 1), { op: hvd.Sum }).dataSync()
    return { sums: [sums[0], sums[size - 1]], seconds: (performance.now() - start) / 1000 }
  }
  console.log(JSON.stringify({ small: timed(1), large: timed(500_000) }))
} else if (what === 'exit' && chosen) {
  sum()
  console.error('the reason\nlast words')
  process.exit(3)
} else if (what === 'signal' || what === 'wait') {
  const ends = what === 'signal'
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      console.log(`rank ${rank} got ${signal}`)
      if (ends) process.exit(0)
    })
  sum()
  console.log(`rank ${rank} is ready, pid ${process.pid}`)
  await nap(100)
} else if (what === 'train' || what === 'exit') {
  console.log(`rank ${rank} is ready, pid ${process.pid}`)
  for (;;) {
    sum()
    await nap(0.02)
  }
} else if (what === 'text') {
  process.stdout.write(`grüße ${'x'.repeat(100_000)}\nno end of line`)
  process.stderr.write('10%\r50%\r100%\n')
}
await hvd.shutdown()
