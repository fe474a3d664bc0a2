import * as tf from '@tensorflow/tfjs-core'

/** Runs `body` and throws when it leaves more or fewer tensors behind than there were. */
export async function expectNoLeak<T>(body: () => T | Promise<T>): Promise<T> {
  const before = tf.memory().numTensors
  const result = await body()
  const after = tf.memory().numTensors
  if (after !== before) throw new Error(`got ${after} tensors at the end, expected the ${before} of the beginning`)
  return result
}
