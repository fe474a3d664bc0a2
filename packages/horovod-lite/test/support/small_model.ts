import * as tf from '@tensorflow/tfjs-core'
import { randomBits } from './random'

/** The same floats in [−1, 1) in every process. */
export function floats(seed: number, count: number): Float32Array {
  const bits = randomBits(seed)
  return Float32Array.from({ length: count }, () => (bits() >>> 8) / 2 ** 23 - 1)
}

/** Examples in a whole batch: 2, 3 and 4 ranks share it evenly. */
export const BATCH = 24

/** Two dense layers, made anew with the same values for a seed. */
export function smallModel(seed = 1) {
  const variable = (name: string, shape: number[], k: number) =>
    tf.tidy(() => tf.variable(tf.tensor(floats(seed + k, tf.util.sizeFromShape(shape)), shape), true, name))
  const [w1, b1] = [variable('hidden/kernel', [5, 7], 1), variable('hidden/bias', [7], 2)]
  const [w2, b2] = [variable('out/kernel', [7, 3], 3), variable('out/bias', [3], 4)]
  const variables = [w1, b1, w2, b2]

  /** Mean square error over the examples first … end − 1 of a step's whole batch. */
  const loss = (step: number, first = 0, end = BATCH) =>
    tf.tidy(() => {
      const rows = (columns: number, k: number) =>
        tf.slice(
          tf.tensor2d(floats(1000 * step + k, BATCH * columns), [BATCH, columns]),
          [first, 0],
          [end - first, columns],
        )
      const hidden = tf.tanh(tf.add(tf.matMul(rows(5, 7), w1 as tf.Tensor2D), b1))
      const out = tf.add(tf.matMul(hidden as tf.Tensor2D, w2 as tf.Tensor2D), b2)
      return tf.mean(tf.square(tf.sub(out, rows(3, 8)))) as tf.Scalar
    })
  const values = () => variables.flatMap((each) => [...each.dataSync()])
  return { variables, loss, values, dispose: () => tf.dispose(variables) }
}

export const optimizers = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  adagrad: () => tf.train.adagrad(0.1),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0.5),
  adam: () => tf.train.adam(0.01),
}
export type OptimizerName = keyof typeof optimizers

/** tfjs's momentum optimizer forgets the tensor of its learning rate. */
export function disposeOptimizer(optimizer: tf.Optimizer): void {
  optimizer.dispose()
  tf.dispose(Reflect.get(Reflect.get(optimizer, 'optimizer') ?? optimizer, 'c'))
}
