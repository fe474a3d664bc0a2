import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'
import { BATCH, smallModel } from '../support/small_model'

/** The last rank dies after a few steps. Prints what the others are told, when, what is left in memory, and how long the end takes. */
async function main() {
  await hvd.init()
  const model = smallModel()
  const optimizer = new hvd.DistributedOptimizer(tf.train.sgd(0.1), { bucketBytes: Number(process.argv[2]) })
  const share = BATCH / hvd.size()
  const step = (k: number) =>
    optimizer.minimize(() => model.loss(k, hvd.rank() * share, (hvd.rank() + 1) * share), false, model.variables)
  for (let k = 0; k < 3; k++) step(k)
  if (hvd.rank() === hvd.size() - 1) process.kill(process.pid, 'SIGKILL')

  const before = { tensors: tf.memory().numTensors, values: model.values() }
  const start = performance.now()
  let told: unknown
  try {
    for (let k = 3; k < 1000; k++) step(k)
  } catch (error) {
    told = error
  }
  const ended = performance.now()
  await hvd.shutdown()
  console.log(
    JSON.stringify({
      internal: told instanceof hvd.HorovodInternalError,
      message: String(told),
      seconds: (ended - start) / 1000,
      toShutDown: (performance.now() - ended) / 1000,
      leaked: tf.memory().numTensors - before.tensors,
      unchanged: JSON.stringify(model.values()) === JSON.stringify(before.values),
    }),
  )
}

main()
