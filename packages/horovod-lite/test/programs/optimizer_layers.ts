import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as layers from '@tensorflow/tfjs-layers'
import * as hvd from '../../src'

/**
 * tfjs-layers' own training: rank 0 has y = x, rank 1 y = 3·x, so that rank 0's own loss soon rises, and it would stop long
 * before rank 1.
 */
async function main() {
  await hvd.init()
  const model = layers.sequential({
    layers: [layers.layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros', inputShape: [1] })],
  })
  model.compile({ optimizer: new hvd.DistributedOptimizer(tf.train.sgd(0.1)), loss: 'meanSquaredError' })
  const [x, y] = [tf.ones([4, 1]), tf.fill([4, 1], 1 + 2 * hvd.rank())]
  const { history } = await model.fit(x, y, {
    epochs: 50,
    verbose: 0,
    callbacks: [
      new layers.CustomCallback(new hvd.MetricAverageCallback()),
      layers.callbacks.earlyStopping({ monitor: 'loss', minDelta: 0.05, patience: 1 }),
    ],
  })
  const alone = await model.fit(x, y, { epochs: 1, verbose: 0, callbacks: new hvd.MetricAverageCallback() })
  console.log(JSON.stringify({ loss: history.loss, after: alone.history.loss }))
  await hvd.shutdown()
}

main()
