import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { dynamicLossScale, LossScaleOptimizer } from '@unet-industrial/mixed-precision'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import * as hvd from '../../src'
import { BATCH, disposeOptimizer, optimizers, smallModel } from '../support/small_model'

/**
 * One rank has trained and the others have not, or the other way round; then all take over the root's variables and
 * state and go on together. Prints the weights before and after that, the state's names and steps, the learning rate,
 * and what is left in memory.
 */
async function main() {
  await hvd.init()
  const root = hvd.size() - 1
  const makers: Record<string, () => tf.Optimizer> = {
    ...optimizers,
    rmspropCentered: () => new RMSPropCentered({ learningRate: 0.01, momentum: 0.5 }),
    scaled: () => new LossScaleOptimizer(tf.train.adam(0.01), dynamicLossScale.pytorch()),
  }
  const results = []
  for (const [name, make] of Object.entries(makers))
    for (const trained of ['root', 'others', 'all']) {
      const before = tf.memory().numTensors
      const model = smallModel(hvd.rank())
      const isRoot = hvd.rank() === root
      const wrapped = make()
      const scaling = wrapped instanceof LossScaleOptimizer
      const optimizer = scaling ? wrapped : new hvd.DistributedOptimizer(wrapped)
      const alone = scaling ? wrapped : optimizer.optimizer // steps without the others
      if (trained === 'all' || isRoot === (trained === 'root'))
        for (let step = 0; step < 30 + hvd.rank(); step++)
          alone.minimize(() => model.loss(step), false, model.variables)
      if (isRoot) optimizer.learningRate = 0.02

      hvd.broadcastVariables(model.variables, { root })
      await hvd.broadcastOptimizerState(optimizer, { root })
      const taken = model.values()
      const share = BATCH / hvd.size()
      for (let step = 10; step < 13; step++) {
        const loss = () => model.loss(step, hvd.rank() * share, (hvd.rank() + 1) * share)
        if (scaling) wrapped.minimize(() => model.loss(step), false, model.variables)
        else optimizer.minimize(loss, false, model.variables)
      }
      const weights = await optimizer.getWeights()
      const state = weights.map(({ name: slot, tensor }) => [slot, ...tensor.dataSync()])
      for (const { name: slot, tensor } of weights) if (slot === 'iter') tensor.dispose()
      const { learningRate } = optimizer
      const after = model.values()
      model.dispose()
      disposeOptimizer(optimizer)
      results.push({ name, trained, taken, after, state, learningRate, leaked: tf.memory().numTensors - before })
    }
  console.log(JSON.stringify(results))
  await hvd.shutdown()
}

main()
