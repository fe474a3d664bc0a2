import * as tf from '@tensorflow/tfjs-core'
import { fusionThreshold } from '../background/settings'
import { startGroupedAllreduce } from '../collectives/reductions'
import { context } from '../context'
import { planBuckets, type Sized } from './buckets'
import { type LearningRate, learningRateOf, setLearningRate } from './learning_rate'
import { type CheckedOptions, checked, type DistributedOptimizerOptions } from './options'
import { GradientReducer, type StartReduction } from './reducer'
import { restored } from './registered'
import { span } from './span'
import { GradientSums, present } from './sums'

/** Gradients by variable name, or a list with names; one that is null or missing leaves its variable alone. */
export type Gradients = tf.NamedTensorMap | NamedTensor[]

interface NamedTensor {
  name: string
  tensor: tf.Tensor
}

type ApplyGradientsIf = (condition: tf.Scalar, gradients: tf.NamedTensorMap) => void

/**
 * Reduces gradients over all ranks before the wrapped optimizer applies them. `computeGradients` communicates,
 * `applyGradients` never does; `minimize` is the one after the other.
 */
export class DistributedOptimizer<T extends tf.Optimizer = tf.Optimizer> extends tf.Optimizer {
  static readonly className = 'DistributedOptimizer'
  private readonly options: CheckedOptions
  private readonly sums = new GradientSums()
  private passes = 0

  /** There only where the wrapped optimizer has it: `applyGradients` where a bool scalar is true, decided in the graph. */
  readonly applyGradientsIf?: ApplyGradientsIf

  /**
   * @param optimizer any `tf.Optimizer`; owned: `dispose` disposes it too
   * @throws where an option is out of its range, or the optimizer scales losses: that one belongs outside
   */
  constructor(
    readonly optimizer: T,
    options: DistributedOptimizerOptions = {},
  ) {
    super()
    this.options = checked(optimizer, options)
    const applyIf: unknown = Reflect.get(optimizer, 'applyGradientsIf')
    if (typeof applyIf === 'function')
      this.applyGradientsIf = (condition, gradients) => {
        if (!this.accumulating) span('UPDATE', () => applyIf.call(optimizer, condition, gradients))
      }
  }

  /** The last pass only added up its gradients: `applyGradients` will do nothing, and a loss scale must stay as it is. */
  get accumulating(): boolean {
    return this.passes > 0
  }

  /** The wrapped optimizer's, to read and to set. */
  get learningRate(): LearningRate {
    return learningRateOf(this.optimizer)
  }

  set learningRate(rate: LearningRate) {
    setLearningRate(this.optimizer, rate)
  }

  override get iterations(): number {
    return this.optimizer.iterations
  }

  /** The loss of this rank, and the gradients reduced over all ranks; of a pass that ends in no step its own gradients. */
  override computeGradients(f: () => tf.Scalar, variables?: tf.Variable[]) {
    return tf.tidy(() => {
      const { value, grads } = span('BACKWARD', () => this.optimizer.computeGradients(f, variables))
      this.passes = (this.passes + 1) % this.options.backwardPassesPerStep
      if (this.accumulating) {
        this.sums.add(grads)
        return { value, grads }
      }
      const reduced = span('REDUCE', () => this.reduce(this.summed(grads), variables))
      return { value, grads: { ...grads, ...reduced } }
    })
  }

  /** The gradients of all passes. */
  private summed(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    const { backwardPassesPerStep: passes, averageAggregatedGradients } = this.options
    if (passes === 1) return gradients
    this.sums.add(gradients)
    return this.sums.take(averageAggregatedGradients ? passes : 1)
  }

  private reduce(gradients: tf.NamedTensorMap, variables = trainableVariables()): tf.NamedTensorMap {
    const given = present(gradients)
    const plan = planBuckets(sizes(variables, given), this.bucketBytes)
    const reducer = new GradientReducer(plan, this.start)
    for (const [name, gradient] of given.reverse()) reducer.ready(name, gradient) // as backward produced them
    return reducer.finish()
  }

  private get bucketBytes(): number {
    return this.options.bucketBytes ?? fusionThreshold(context('computeGradients()').environment)
  }

  private readonly start: StartReduction = (gradients, bucket) => {
    const { op, compression, gradientPredivideFactor: factor } = this.options
    const options = { op, compression, prescaleFactor: 1 / factor, postscaleFactor: factor }
    return startGroupedAllreduce(gradients, { ...options, ...bucket })
  }

  override applyGradients(gradients: Gradients): void {
    if (!this.accumulating) span('UPDATE', () => this.optimizer.applyGradients(gradients))
  }

  /** The wrapped optimizer's state. Sums of passes that have not ended in a step are not part of it. */
  override getWeights(): Promise<NamedTensor[]> {
    return this.optimizer.getWeights()
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    await this.optimizer.setWeights(weights)
    this.passes = 0
    this.sums.forget()
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      optimizer: { className: this.optimizer.getClassName(), config: this.optimizer.getConfig() },
      ...this.options,
    }
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    { optimizer, ...options }: tf.serialization.ConfigDict,
  ): T {
    return new cls(restored(optimizer), options)
  }

  /** Frees the sums and the wrapped optimizer. */
  override dispose(): void {
    this.sums.forget()
    this.optimizer.dispose()
  }
}

/** What `computeGradients` differentiates by where it is given no list. */
const trainableVariables = () => Object.values(tf.engine().registeredVariables).filter(({ trainable }) => trainable)

/** Of all variables, with or without gradient, and after them of gradients of other variables (of an earlier pass). */
function sizes(variables: tf.Variable[], gradients: [name: string, gradient: tf.Tensor][]): Sized[] {
  const bytes = ({ size, dtype }: tf.Tensor) => size * tf.util.bytesPerElement(dtype)
  const all = new Map(variables.map((variable) => [variable.name, bytes(variable as tf.Tensor)]))
  for (const [name, gradient] of gradients) if (!all.has(name)) all.set(name, bytes(gradient))
  return [...all].map(([name, size]) => ({ name, bytes: size }))
}
