import * as tf from '@tensorflow/tfjs-core'
import { groupedAllreduce } from '../collectives/collectives'
import { Average, Max, Min, Product, type ReduceOp, Sum } from '../reduce_op'
import type { Compression } from './compression'

export interface DistributedOptimizerOptions {
  /** Default Average. */
  op?: ReduceOp
  /** Gradients of this many passes are added up before they are reduced and applied. Default 1. */
  backwardPassesPerStep?: number
  /** Divide them by the number of passes. Default false: their sum, as in Horovod. */
  averageAggregatedGradients?: boolean
  /** Averaging only: divide by this before the sum over the ranks, and by size / this after it. Default 1. */
  gradientPredivideFactor?: number
  /** How gradients are rounded before they travel. Default none. */
  compression?: Compression
}

/** Gradients by variable name, or a list with names; one that is null or missing leaves its variable alone. */
export type Gradients = tf.NamedTensorMap | NamedTensor[]

/** A number, or a schedule such as those of `@unet-industrial/rmsprop-centered`. */
export type LearningRate = number | { at(step: number): number; apply(step: tf.Scalar): tf.Scalar }

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
  private readonly options: Required<DistributedOptimizerOptions>
  private readonly sums = new Map<string, tf.Tensor>()
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
        if (!this.accumulating) applyIf.call(optimizer, condition, gradients)
      }
  }

  /** The last pass only added up its gradients: `applyGradients` will do nothing, and a loss scale must stay as it is. */
  get accumulating(): boolean {
    return this.passes > 0
  }

  /** The wrapped optimizer's, to read and to set. */
  get learningRate(): LearningRate {
    return Reflect.get(this.optimizer as tf.Optimizer, 'learningRate')
  }

  set learningRate(rate: LearningRate) {
    const set: unknown = Reflect.get(this.optimizer, 'setLearningRate') // plain SGD makes a tensor of it
    if (typeof set === 'function') set.call(this.optimizer, rate)
    else Reflect.set(this.optimizer, 'learningRate', rate)
  }

  override get iterations(): number {
    return this.optimizer.iterations
  }

  /** The loss of this rank, and the gradients reduced over all ranks; of a pass that ends in no step its own gradients. */
  override computeGradients(f: () => tf.Scalar, variables?: tf.Variable[]) {
    return tf.tidy(() => {
      const { value, grads } = this.optimizer.computeGradients(f, variables)
      this.passes = (this.passes + 1) % this.options.backwardPassesPerStep
      if (this.accumulating) {
        this.add(grads)
        return { value, grads }
      }
      return { value, grads: this.reduce(this.takeSums(grads)) }
    })
  }

  private add(gradients: tf.NamedTensorMap): void {
    for (const [name, gradient] of present(gradients)) {
      const sum = this.sums.get(name)
      this.sums.set(name, tf.keep(sum ? tf.add(sum, gradient) : tf.clone(gradient)))
      sum?.dispose()
    }
  }

  /** The gradients of all passes; the sums begin anew. */
  private takeSums(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    const { backwardPassesPerStep: passes, averageAggregatedGradients } = this.options
    if (passes === 1) return gradients
    this.add(gradients)
    const sums = [...this.sums].map(([name, sum]) => [
      name,
      averageAggregatedGradients ? tf.div(sum, passes) : tf.clone(sum),
    ])
    this.forgetSums()
    return { ...gradients, ...Object.fromEntries(sums) }
  }

  private reduce(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    const { op, compression, gradientPredivideFactor: factor } = this.options
    const given = present(gradients).sort(([a], [b]) => (a < b ? -1 : 1)) // the same order on every rank
    const reduced = groupedAllreduce(
      given.map(([, gradient]) => gradient),
      { op, compression, prescaleFactor: 1 / factor, postscaleFactor: factor },
    )
    return { ...gradients, ...Object.fromEntries(given.map(([name], i) => [name, reduced[i]!])) }
  }

  override applyGradients(gradients: Gradients): void {
    if (!this.accumulating) this.optimizer.applyGradients(gradients)
  }

  /** The wrapped optimizer's state. Sums of passes that have not ended in a step are not part of it. */
  override getWeights(): Promise<NamedTensor[]> {
    return this.optimizer.getWeights()
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    await this.optimizer.setWeights(weights)
    this.passes = 0
    this.forgetSums()
  }

  private forgetSums(): void {
    tf.dispose([...this.sums.values()])
    this.sums.clear()
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
    const wrapped = optimizer as { className: string; config: tf.serialization.ConfigDict }
    const registered = tf.serialization.SerializationMap.getMap().classNameMap[wrapped.className]
    if (!registered)
      throw new Error(`got optimizer ${wrapped.className}, expected a class known to tf.serialization.registerClass`)
    const [wrappedClass, fromConfig] = registered
    return new cls(fromConfig(wrappedClass, wrapped.config), options)
  }

  /** Frees the sums and the wrapped optimizer. */
  override dispose(): void {
    this.forgetSums()
    this.optimizer.dispose()
  }
}

const present = (gradients: tf.NamedTensorMap) => Object.entries(gradients).filter(([, gradient]) => gradient != null)

function checked(optimizer: tf.Optimizer, given: DistributedOptimizerOptions): Required<DistributedOptimizerOptions> {
  if (optimizer.getClassName() === 'LossScaleOptimizer')
    throw new Error(
      'got a LossScaleOptimizer inside DistributedOptimizer, expected the other way round: finiteness must be judged on reduced gradients',
    )
  const options = {
    op: Average as ReduceOp,
    backwardPassesPerStep: 1,
    averageAggregatedGradients: false,
    gradientPredivideFactor: 1,
    compression: 'none' as Compression,
    ...given,
  }
  const { op, compression, backwardPassesPerStep: passes, gradientPredivideFactor: factor } = options
  if (![Average, Sum, Min, Max, Product].includes(op))
    throw new Error(`op: got ${op}, expected Average, Sum, Min, Max or Product`)
  if (!['none', 'fp16', 'bf16'].includes(compression))
    throw new Error(`compression: got ${compression}, expected none, fp16 or bf16`)
  if (!(Number.isInteger(passes) && passes >= 1))
    throw new Error(`backwardPassesPerStep: got ${passes}, expected a whole number of at least 1`)
  if (!(factor > 0)) throw new Error(`gradientPredivideFactor: got ${factor}, expected a number above 0`)
  if (factor !== 1 && op !== Average)
    throw new Error(`gradientPredivideFactor: got ${factor} with op ${op}, expected 1: it splits an average`)
  return options
}
