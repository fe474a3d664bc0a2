import * as tf from '@tensorflow/tfjs-core'
import { checkedLearningRate, type Hyperparameters, hyperparameters, type RMSPropCenteredOptions } from './options'
import type { Schedule } from './schedule'
import { type NamedTensor, Slots } from './slots'
import { step } from './update'

/** Gradients by variable name, or a list with names; one that is null or missing leaves its variable alone. */
export type Gradients = tf.NamedTensorMap | NamedTensor[]

/**
 * RMSProp, centered or not, with the numerics of a chosen framework (by default TensorFlow 1's), as a `tf.Optimizer`.
 *
 * The step counter is a tensor, so a learning-rate schedule and a skipped step are decided in the graph: a step never
 * reads a tensor back. tfjs's own `iterations` is a JavaScript number and counts calls, skipped ones too.
 */
export class RMSPropCentered extends tf.Optimizer {
  static readonly className = 'RMSPropCentered'
  private readonly options: Hyperparameters
  private readonly slots: Slots
  private rate: number | Schedule

  /** @throws where an option is unknown or out of its range */
  constructor({ learningRate, ...options }: RMSPropCenteredOptions) {
    super()
    this.rate = checkedLearningRate(learningRate)
    this.options = hyperparameters(options)
    this.slots = new Slots(this.options)
  }

  /** A number or a schedule. May be set at any time; it takes effect with the next step. */
  get learningRate(): number | Schedule {
    return this.rate
  }

  set learningRate(rate: number | Schedule) {
    this.rate = checkedLearningRate(rate)
  }

  /** Updates applied so far: an int32 scalar that the optimizer owns and changes. Clone it to keep a value. */
  get step(): tf.Scalar {
    return this.slots.step
  }

  override applyGradients(gradients: Gradients): void {
    this.update(gradients)
  }

  /**
   * `applyGradients` where `condition` is true; else variables, slots and step counter stay as they are, to the bit.
   * @param condition bool scalar, decided in the graph
   */
  applyGradientsIf(condition: tf.Scalar, gradients: Gradients): void {
    this.update(gradients, condition)
  }

  private update(gradients: Gradients, condition?: tf.Scalar): void {
    tf.tidy(() => {
      const rate = typeof this.rate === 'number' ? tf.scalar(this.rate) : this.rate.apply(this.step)
      for (const [name, gradient] of named(gradients)) {
        const state = this.slots.of(name)
        this.slots.assign(state, step(state, gradient, rate, this.options, condition))
      }
      this.slots.advance(condition)
    })
    this.incrementIterations()
  }

  /**
   * The state: `step`, then `<variable>/rms`, `<variable>/mg` (centered only) and `<variable>/momentum` of each variable.
   * The tensors are the optimizer's own, not copies: don't dispose them, clone to keep.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    return this.slots.weights()
  }

  /**
   * Takes over a state, in any order of names. The tensors given stay the caller's.
   * @throws where a name is unknown, missing or twice there, or a shape differs; then nothing has changed
   */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    this.slots.setWeights(weights)
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { learningRate: typeof this.rate === 'number' ? this.rate : this.rate.toConfig(), ...this.options }
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    const { learningRate, ...options } = config
    return new cls({ learningRate: restoredRate(learningRate), ...options })
  }

  /** Frees the slots and the step counter. The variables are not the optimizer's. */
  override dispose(): void {
    this.slots.dispose()
  }
}

const named = (gradients: Gradients): [name: string, gradient: tf.Tensor][] =>
  (Array.isArray(gradients)
    ? gradients.map(({ name, tensor }): [string, tf.Tensor] => [name, tensor])
    : Object.entries(gradients)
  ).filter(([, gradient]) => gradient != null)

/** A number, or what `Schedule.toConfig` gave, whose class is registered with tfjs. */
function restoredRate(rate: tf.serialization.ConfigDictValue | undefined) {
  if (rate === null || typeof rate !== 'object' || Array.isArray(rate)) return rate
  const registered = tf.serialization.SerializationMap.getMap().classNameMap[String(rate.className)]
  if (!registered)
    throw new Error(
      `got a learning rate of class ${rate.className}, expected a registered one: call tf.serialization.registerClass`,
    )
  const [cls, fromConfig] = registered
  return fromConfig(cls, rate.config as tf.serialization.ConfigDict)
}
