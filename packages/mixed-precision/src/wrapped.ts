import * as tf from '@tensorflow/tfjs-core'
import type { LearningRate } from './types'

// tfjs's optimizers keep `learningRate` protected but as a plain property, and plain SGD a tensor made from it.

export const learningRateOf = (optimizer: tf.Optimizer): LearningRate => Reflect.get(optimizer, 'learningRate')

export function setLearningRate(optimizer: tf.Optimizer, rate: LearningRate): void {
  const set: unknown = Reflect.get(optimizer, 'setLearningRate')
  if (typeof set === 'function') set.call(optimizer, rate)
  else Reflect.set(optimizer, 'learningRate', rate, optimizer)
}

/** An optimizer that adds up gradients over several passes has `accumulating` true while a pass ends in no step. */
export const isAccumulating = (optimizer: tf.Optimizer): boolean => Reflect.get(optimizer, 'accumulating') === true

/** The optimizer, and those that it wraps as its property `optimizer`. */
export function chain(optimizer: tf.Optimizer): tf.Optimizer[] {
  const inner: tf.Optimizer | undefined = Reflect.get(optimizer, 'optimizer')
  return inner ? [optimizer, ...chain(inner)] : [optimizer]
}

/** The optimizer of `{ className, config }`. */
export function restored(value: tf.serialization.ConfigDictValue | undefined): tf.serialization.Serializable {
  const { className, config } = value as { className: string; config: tf.serialization.ConfigDict }
  const registered = tf.serialization.SerializationMap.getMap().classNameMap[className]
  if (!registered)
    throw new Error(`got optimizer ${className}, expected a class known to tf.serialization.registerClass`)
  const [cls, fromConfig] = registered
  return fromConfig(cls, config)
}
