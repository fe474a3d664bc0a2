import type * as tf from '@tensorflow/tfjs-core'
import type { LearningRate } from './types'

// tfjs's optimizers keep `learningRate` protected but as a plain property, and plain SGD a tensor made from it.

export const learningRateOf = (optimizer: tf.Optimizer): LearningRate => Reflect.get(optimizer, 'learningRate')

export function setLearningRate(optimizer: tf.Optimizer, rate: LearningRate): void {
  const set: unknown = Reflect.get(optimizer, 'setLearningRate')
  if (typeof set === 'function') set.call(optimizer, rate)
  else Reflect.set(optimizer, 'learningRate', rate, optimizer)
}
