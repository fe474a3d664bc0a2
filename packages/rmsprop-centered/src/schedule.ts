import * as tf from '@tensorflow/tfjs-core'

/** A learning rate as a function of the step, counted from 0. */
export interface Schedule {
  /** The rate of a step, as a float32 value, computed in JavaScript: for logs. */
  at(step: number): number
  /**
   * The same inside the graph, without reading the step back.
   * @param step int32 scalar
   * @returns float32 scalar
   */
  apply(step: tf.Scalar): tf.Scalar
  /** What `RMSPropCentered.fromConfig` restores it from; `className` is registered with `tf.serialization.registerClass`. */
  toConfig(): { className: string; config: tf.serialization.ConfigDict }
}

export interface ExponentialDecayOptions {
  /** The rate at step 0. */
  initialLearningRate: number
  /** Steps in which the rate is multiplied by `decayRate` once, > 0. */
  decaySteps: number
  /** In (0, 1] where the rate is to fall. */
  decayRate: number
  /** In stairs, `floor(step / decaySteps)`, instead of smoothly. Default false. */
  staircase?: boolean
}

/**
 * initialLearningRate · decayRate^(step / decaySteps), the exponent rounded down where `staircase`
 * (tf.compat.v1.train.exponential_decay).
 */
export class ExponentialDecay extends tf.serialization.Serializable implements Schedule {
  static readonly className = 'ExponentialDecay'
  readonly options: Required<ExponentialDecayOptions>

  /** @throws where a number is not finite, or `decaySteps` or `decayRate` not above 0 */
  constructor({ initialLearningRate, decaySteps, decayRate, staircase = false }: ExponentialDecayOptions) {
    super()
    this.options = { initialLearningRate, decaySteps, decayRate, staircase }
    if (!Number.isFinite(initialLearningRate))
      throw new Error(`initialLearningRate: got ${initialLearningRate}, expected a finite number`)
    for (const [name, value] of Object.entries({ decaySteps, decayRate }))
      if (!(Number.isFinite(value) && value > 0)) throw new Error(`${name}: got ${value}, expected a number above 0`)
  }

  at(step: number): number {
    const { initialLearningRate, decaySteps, decayRate, staircase } = this.options
    const stairs = staircase ? Math.floor(step / decaySteps) : Math.fround(step / decaySteps)
    return Math.fround(Math.fround(initialLearningRate) * Math.fround(Math.fround(decayRate) ** stairs))
  }

  apply(step: tf.Scalar): tf.Scalar {
    const { initialLearningRate, decayRate } = this.options
    return tf.tidy(() => tf.mul(tf.pow(tf.scalar(decayRate), this.stairs(step)), initialLearningRate))
  }

  /** The exponent. Whole steps divide as integers, which is exact on backends whose float division is not. */
  private stairs(step: tf.Scalar): tf.Scalar {
    const { decaySteps, staircase } = this.options
    if (staircase && Number.isInteger(decaySteps))
      return tf.cast(tf.floorDiv<tf.Scalar>(step, tf.scalar(decaySteps, 'int32')), 'float32')
    const ratio = tf.div(tf.cast(step, 'float32'), decaySteps) as tf.Scalar
    return staircase ? tf.floor(ratio) : ratio
  }

  getConfig(): tf.serialization.ConfigDict {
    return { ...this.options }
  }

  toConfig() {
    return { className: ExponentialDecay.className, config: this.getConfig() }
  }
}

/** Exponential decay of the learning rate, in stairs or smooth; see {@link ExponentialDecay}. */
export const exponentialDecay = (options: ExponentialDecayOptions) => new ExponentialDecay(options)
