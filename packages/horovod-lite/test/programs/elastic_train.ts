// Trains y = w·x for a number of steps, on this rank's part of each step's eight examples, and says what it did.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'

const [steps, pause] = process.argv.slice(2).map(Number) as [number, number]
const say = (line: object) => console.log(JSON.stringify(line))
const weight = tf.variable(tf.tensor1d([0, 0]), true, 'weight')
const optimizer = new hvd.DistributedOptimizer(tf.train.momentum(0.05, 0.5))
const state = new hvd.elastic.TrainingState({ variables: [weight], optimizer, values: { step: 0 } })
const world = () => ({ rank: hvd.rank(), size: hvd.size(), pid: process.pid })

/** Examples of a step: rows of two numbers, the same in every world; the loss is the mean over all of them. */
const examples = (step: number) => Array.from({ length: 24 }, (_, i) => [((step * 7 + i * 3) % 11) / 11, ((step * 5 + i) % 13) / 13])

state.onReset(() => say({ event: 'reset', ...world() }))
await hvd.elastic.run(state, async () => {
  say({ event: 'begin', step: state.values.step, ...world() })
  while (state.values.step < steps) {
    const { step } = state.values
    const own = examples(step).filter((_, i) => i % hvd.size() === hvd.rank())
    const loss = () =>
      tf.tidy(() => {
        const x = tf.tensor2d(own, [own.length, 2])
        const target = tf.sum(tf.mul(x, tf.tensor1d([2, -1])), 1)
        const error = tf.sub(tf.sum(tf.mul(x, weight), 1), target)
        return tf.mul(tf.sum(tf.square(error)), hvd.size() / 24) as tf.Scalar // the average over ranks is the mean of all 24
      })
    optimizer.minimize(loss, false, [weight])
    state.values.step++
    await new Promise((resolve) => setTimeout(resolve, pause))
    await state.commit()
    say({ event: 'step', step: state.values.step, ...world() })
  }
})
say({ event: 'done', step: state.values.step, weight: [...weight.dataSync()], ...world() })
await hvd.shutdown()
