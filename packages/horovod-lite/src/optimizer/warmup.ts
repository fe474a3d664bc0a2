import * as tf from '@tensorflow/tfjs-core'
import { size as worldSize } from '../context'
import type { LearningRate, Schedule } from './learning_rate'
import { restored } from './registered'

export interface LearningRateWarmupOptions {
  /** What one process alone would use: a number, or a schedule, whose steps go on during the warm-up. */
  learningRate: LearningRate
  /** Steps until the full rate is reached; Goyal et al. take those of 5 epochs. 0 and 1: from the first step on. */
  warmupSteps: number
  /** The full rate is the learning rate times this. Default `size()`, asked anew each time, so that an elastic world may change. */
  size?: number
}

/**
 * Gradual warm-up and linear scaling: from nearly the rate of one process to `size` times it, in equal increments,
 *
 *     rate(s) = learningRate(s) · (1 + (size − 1) · min(s + 1, warmupSteps) / warmupSteps)
 *
 * (Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, 2017, section 2.2; Horovod's
 * LearningRateWarmupCallback, whose `initial_lr` is this full rate, without its momentum correction).
 *
 * Where an optimizer takes schedules give it as the learning rate; elsewhere set `learningRate` to `at(step)` before a step.
 */
export class LearningRateWarmup extends tf.serialization.Serializable implements Schedule {
  static readonly className = 'LearningRateWarmup'

  /** @throws where a number is out of its range */
  constructor(readonly options: LearningRateWarmupOptions) {
    super()
    const { learningRate, warmupSteps, size } = options
    const isRate = typeof learningRate === 'number' ? Number.isFinite(learningRate) : Boolean(learningRate?.apply)
    if (!isRate) throw new Error(`learningRate: got ${learningRate}, expected a finite number or a schedule`)
    if (!(Number.isInteger(warmupSteps) && warmupSteps >= 0))
      throw new Error(`warmupSteps: got ${warmupSteps}, expected a whole number of at least 0`)
    if (size !== undefined && !(size >= 1 && Number.isFinite(size)))
      throw new Error(`size: got ${size}, expected a number of at least 1`)
  }

  at(step: number): number {
    const { learningRate, warmupSteps } = this.options
    const rate = typeof learningRate === 'number' ? learningRate : learningRate.at(step)
    const done = Math.min(1, Math.fround((step + 1) / Math.max(1, warmupSteps)))
    return Math.fround(Math.fround(rate) * Math.fround(1 + Math.fround(done * (this.size - 1))))
  }

  apply(step: tf.Scalar): tf.Scalar {
    const { learningRate, warmupSteps } = this.options
    return tf.tidy(() => {
      const rate = typeof learningRate === 'number' ? tf.scalar(learningRate) : learningRate.apply(step)
      const done = tf.minimum(tf.div(tf.add(tf.cast(step, 'float32'), 1), Math.max(1, warmupSteps)), 1)
      return tf.mul(rate, tf.add(tf.mul(done, this.size - 1), 1))
    })
  }

  private get size(): number {
    return this.options.size ?? worldSize()
  }

  getConfig(): tf.serialization.ConfigDict {
    const { learningRate } = this.options
    return { ...this.options, learningRate: typeof learningRate === 'number' ? learningRate : learningRate.toConfig() }
  }

  toConfig() {
    return { className: LearningRateWarmup.className, config: this.getConfig() }
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    const { learningRate: rate } = config
    return new cls({ ...config, learningRate: typeof rate === 'number' ? rate : restored(rate) })
  }
}

/** A learning rate that rises from one process's to `size()` times it; see {@link LearningRateWarmup}. */
export const learningRateWarmup = (options: LearningRateWarmupOptions) => new LearningRateWarmup(options)
