import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'

/** Averages of metrics that differ between ranks, plain and weighted; then names that differ; and the warmed-up rate. */
async function main() {
  await hvd.init()
  const rank = hvd.rank()
  const loss = tf.scalar(rank + 0.5)
  const names =
    rank === 0 ? { dice: rank / 3, loss, big: 2 ** 40 + rank } : { loss, big: 2 ** 40 + rank, dice: rank / 3 }
  const plain = hvd.averageMetrics(names)
  const weighted = hvd.averageMetrics({ loss, none: rank === 1 ? Number.NaN : 7 }, { count: rank === 1 ? 0 : rank + 1 })
  const logs = { loss: rank }
  await new hvd.MetricAverageCallback().onEpochEnd(0, logs)
  let mismatch = 'no error'
  try {
    hvd.averageMetrics({ [rank === 0 ? 'loss' : 'dice']: 1 })
  } catch (error) {
    mismatch = (error as Error).message
  }
  loss.dispose()
  const warm = hvd.learningRateWarmup({ learningRate: 1, warmupSteps: 5 }).at(4)
  console.log(JSON.stringify({ plain, weighted, logs, mismatch, warm, tensors: tf.memory().numTensors }))
  await hvd.shutdown()
}

main()
