import type * as tf from '@tensorflow/tfjs-core'

/** A learning rate as a function of the step, counted from 0: the shape of `@unet-industrial/rmsprop-centered`'s. */
export interface Schedule {
  /** The rate of a step, as a float32 value, computed in JavaScript. */
  at(step: number): number
  /**
   * The same inside the graph, without reading the step back.
   * @param step int32 scalar
   * @returns float32 scalar
   */
  apply(step: tf.Scalar): tf.Scalar
  /** What it is restored from; `className` is registered with `tf.serialization.registerClass`. */
  toConfig(): { className: string; config: tf.serialization.ConfigDict }
}

/** A number, or a schedule where the optimizer takes one. */
export type LearningRate = number | Schedule

// tfjs's optimizers keep `learningRate` protected but as a plain property, and plain SGD a tensor made from it.

export const learningRateOf = (optimizer: tf.Optimizer): LearningRate => Reflect.get(optimizer, 'learningRate')

export function setLearningRate(optimizer: tf.Optimizer, rate: LearningRate): void {
  const set: unknown = Reflect.get(optimizer, 'setLearningRate')
  if (typeof set === 'function') set.call(optimizer, rate)
  else Reflect.set(optimizer, 'learningRate', rate)
}
