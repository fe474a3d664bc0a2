import * as tf from '@tensorflow/tfjs-core'

/** Runs `body` and throws where it reads a tensor back (data, dataSync, array, buffer, moving to another backend). */
export function expectNoReadBack<T>(body: () => T): T {
  const engine = tf.engine()
  const { read, readSync } = engine
  const refuse = (): never => {
    throw new Error('got a tensor read back, expected all to stay in the graph')
  }
  Object.assign(engine, { read: refuse, readSync: refuse })
  try {
    return body()
  } finally {
    Object.assign(engine, { read, readSync })
  }
}
