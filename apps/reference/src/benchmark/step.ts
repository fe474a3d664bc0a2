import * as tf from '@tensorflow/tfjs-core'
import type { Options } from '../options/schema'
import { modelOf, recipe, trainingStep } from '../training/recipe'

/**
 * A step to measure: a whole training step as `train` makes it, or a prediction, on one batch that stays in memory.
 *
 * It ends when its results are there: a backend may compute later than it is called.
 */
export function makeStep(options: Options, size: number): () => Promise<void> {
  const { image, mask } = makeBatch(options, size)
  if (options.mode === 'inference') {
    const model = modelOf(options, [size, size])
    return () => settle(() => model.predict(image))
  }
  const parts = recipe(options, [size, size], { decaySteps: options.learningRateDecaySteps })
  return async () => {
    tf.dispose(trainingStep(parts, image, mask))
    await settle(() => tf.addN(parts.model.variables.map((variable) => tf.sum(variable))))
  }
}

/** Waits for one number of a result. */
async function settle(compute: () => tf.Tensor): Promise<void> {
  const one = tf.tidy(() => tf.slice(tf.reshape(compute(), [-1]), 0, 1))
  await one.data()
  one.dispose()
}

/** Noise in [−1, 1] with a brighter rectangle in the middle, which is the defect. */
function makeBatch({ batchSize, seed }: Options, size: number) {
  const quarter = Math.floor(size / 4)
  const [inner, border] = [size - 2 * quarter, [quarter, quarter] as [number, number]]
  return tf.tidy(() => {
    const defect = tf.ones<tf.Rank.R4>([batchSize, inner, inner, 1])
    const mask = tf.pad4d(defect, [[0, 0], border, border, [0, 0]])
    const noise = tf.randomUniform<tf.Rank.R4>([batchSize, size, size, 1], -1, 0.5, 'float32', seed)
    return { image: tf.add<tf.Tensor4D>(noise, tf.mul(mask, 0.5)), mask }
  })
}
