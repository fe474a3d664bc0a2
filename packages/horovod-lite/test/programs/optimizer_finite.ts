import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { dynamicLossScale, LossScaleOptimizer } from '@unet-industrial/mixed-precision'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import * as hvd from '../../src'
import { BATCH, smallModel } from '../support/small_model'

/** The last rank's gradient is infinite in step 1 (of 0 … 3). Prints weights, scale and skipped steps after each step. */
async function main() {
  await hvd.init()
  const wrapped = {
    conditional: () => new RMSPropCentered({ learningRate: 0.01 }),
    selected: () => tf.train.adam(0.01),
  }
  const results = Object.entries(wrapped).map(([name, make]) => {
    const model = smallModel()
    const distributed = new hvd.DistributedOptimizer(make())
    const optimizer = new LossScaleOptimizer(distributed, dynamicLossScale.pytorch({ initialScale: 1024 }))
    const share = BATCH / hvd.size()
    const steps = [0, 1, 2, 3].map((step) => {
      const bad = step === 1 && hvd.rank() === hvd.size() - 1
      const loss = () => {
        const value = model.loss(step, hvd.rank() * share, (hvd.rank() + 1) * share)
        return bad ? tf.mul<tf.Scalar>(value, Number.POSITIVE_INFINITY) : value
      }
      optimizer.minimize(loss, false, model.variables)
      const [scale] = optimizer.lossScale.dataSync()
      const [skipped] = optimizer.skippedSteps.dataSync()
      return { values: model.values(), scale, skipped }
    })
    model.dispose()
    optimizer.dispose()
    return { name, steps }
  })
  console.log(JSON.stringify(results))
  await hvd.shutdown()
}

main()
