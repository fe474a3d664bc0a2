import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { pause, raised } from '../support/calls'

// What the tests in test/conformance look at from outside: the timeline, warnings, a rank that dies. Its name is the argument.

const events: Record<string, () => unknown> = {
  /** Something of everything that a timeline shows. */
  async timeline() {
    const [rank, size] = [hvd.rank(), hvd.size()]
    for (let i = 0; i < 10; i++)
      await Promise.all(['a', 'b', 'c'].map((name) => hvd.allreduceAsync(tf.ones([10]), { name, op: 'Sum' })))
    hvd.allreduce(tf.ones([40_000]), { name: 'large' })
    hvd.broadcast(tf.ones([3]), { name: 'weights' })
    hvd.allgather(tf.ones([rank, 2]), { name: 'rows' })
    hvd.alltoall(tf.ones([size]), undefined, { name: 'parts' })
    raised(() => hvd.allreduce(tf.ones([rank + 1]), { name: 'differs' }))
    const submit = () => hvd.allreduceAsync(tf.ones([1]), { name: 'late' })
    const early = rank === 0 ? submit() : undefined
    hvd.barrier({ name: 'end' })
    if (!early) await pause(150)
    await (early ?? submit())
    const weight = tf.variable(tf.scalar(1), true, 'weight')
    const optimizer = new hvd.DistributedOptimizer(tf.train.sgd(0.1))
    for (let step = 0; step < 2; step++) optimizer.minimize(() => tf.square(weight) as tf.Scalar, false, [weight])
    hvd.join()
  },

  /** Rank 0 is killed when something is in its timeline. */
  async crash() {
    hvd.allreduce(tf.ones([10]), { name: 'before' })
    await pause(100)
    if (hvd.rank() === 0) process.kill(process.pid, 'SIGKILL')
    return { message: raised(() => hvd.allreduce(tf.ones([10]), { name: 'after' })) }
  },

  /** Rank 1 comes late to what the others wait for. */
  async late() {
    hvd.barrier()
    if (hvd.rank() === 1) await pause(900)
    return { sum: hvd.allreduce(tf.ones([1]), { name: 'waited for', op: 'Sum' }).dataSync()[0] }
  },

  /** The last rank is killed while large reductions go on. */
  async killed() {
    if (hvd.rank() === hvd.size() - 1) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200)
    const large = tf.ones([500_000])
    for (;;) {
      const start = performance.now()
      const message = raised(() => tf.dispose(hvd.allreduce(large)))
      if (message !== 'no error') return { message, seconds: (performance.now() - start) / 1000 }
      await pause(0)
    }
  },
}

await tf.ready()
const failure = await hvd.init().then(
  () => undefined,
  (error: Error) => error.message,
)
const [name] = process.argv.slice(2)
const told = failure ? { failure } : await events[name!]!()
console.log(JSON.stringify({ rank: failure ? null : hvd.rank(), ...(told as object) }))
await hvd.shutdown()
