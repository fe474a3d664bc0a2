import * as tf from '@tensorflow/tfjs-core'
import { isConditional, SelectedUpdate } from './conditional'
import { allFinite } from './finite'
import { checked, type LossScale, nextState, type ScaleState } from './loss_scale'
import type { Gradients, LearningRate, NamedTensor } from './types'
import { chain, isAccumulating, learningRateOf, restored, setLearningRate } from './wrapped'

export interface LossScaleOptimizerOptions {
  /**
   * Changes the gradients after they were unscaled and judged finite or not, and before they are applied; in the graph.
   * For example `clipByGlobalNorm(1)`. Not part of `getConfig`.
   */
  clip?: (gradients: tf.NamedTensorMap) => tf.NamedTensorMap
}

/**
 * Multiplies the loss by a scale before it is differentiated, divides the gradients by it, skips the step where any
 * gradient is not finite, and adapts the scale. All of it in the graph: no tensor is read back.
 *
 * Wrap a distributed optimizer, not the other way round, so that all ranks judge the same, reduced gradients.
 */
export class LossScaleOptimizer<T extends tf.Optimizer = tf.Optimizer> extends tf.Optimizer {
  static readonly className = 'LossScaleOptimizer'
  private readonly state: ScaleState<tf.Variable<tf.Rank.R0>>
  private readonly skipped: tf.Variable<tf.Rank.R0>
  private selected: SelectedUpdate
  private readonly clip: LossScaleOptimizerOptions['clip']

  /** Whether all gradients unscaled since the last step were finite; means something while `judged`. */
  private readonly finite: tf.Variable<tf.Rank.R0>
  private judged = false
  /** A loss was scaled whose gradients were not yet unscaled. */
  private scaled = false
  private readonly scaledLosses = new WeakSet<tf.Tensor>()
  private readonly unscaledGradients = new WeakSet<tf.Tensor>()

  /**
   * @param optimizer the optimizer that makes the steps, any `tf.Optimizer`; owned: `dispose` disposes it too
   * @throws where it scales losses already
   */
  constructor(
    readonly optimizer: T,
    private readonly config: LossScale,
    { clip }: LossScaleOptimizerOptions = {},
  ) {
    super()
    refuseSecondScaling(optimizer)
    checked(config)
    this.clip = clip
    this.selected = new SelectedUpdate(optimizer)
    const variable = (value: number | boolean, dtype: tf.DataType) =>
      tf.tidy(() => tf.variable(tf.scalar(value, dtype), false))
    this.state = {
      scale: variable(config.initialScale, 'float32'),
      goodSteps: variable(0, 'int32'),
      badSteps: variable(0, 'int32'),
    }
    this.skipped = variable(0, 'int32')
    this.finite = variable(true, 'bool')
  }

  /** The scale of the next step: a float32 scalar that the optimizer owns and changes. Clone it to keep a value. */
  get lossScale(): tf.Scalar {
    return this.state.scale
  }

  /** Steps skipped since this optimizer was made or its state was set: an int32 scalar that it owns and changes. */
  get skippedSteps(): tf.Scalar {
    return this.skipped
  }

  /** The wrapped optimizer's, to read and to set. */
  get learningRate(): LearningRate {
    return learningRateOf(this.optimizer)
  }

  set learningRate(rate: LearningRate) {
    setLearningRate(this.optimizer, rate)
  }

  /** The wrapped optimizer's count of calls, skipped steps included: a JavaScript number can't know what the graph decides. */
  override get iterations(): number {
    return this.optimizer.iterations
  }

  /**
   * The loss and its gradients, both unscaled (and clipped, with option `clip`): what to change before `applyGradients`.
   * Whether the gradients are finite is judged here, before anything can hide it.
   */
  override computeGradients(f: () => tf.Scalar, variables?: tf.Variable[]) {
    return tf.tidy(() => {
      let loss: tf.Scalar | undefined
      const scaledLoss = () => {
        const value = f()
        loss = tf.keep(tf.clone(value)) // dividing the scaled loss would give Infinity where only that overflows
        return this.scaleLoss(value)
      }
      try {
        const { grads } = this.optimizer.computeGradients(scaledLoss, variables)
        const gradients = isAccumulating(this.optimizer)
          ? this.divide(grads)
          : this.clipped(this.unscaleGradients(grads))
        return { value: tf.clone(loss!), grads: gradients }
      } finally {
        loss?.dispose()
      }
    })
  }

  /**
   * The loss times the scale, for a tape of your own: `tf.variableGrads(() => optimizer.scaleLoss(loss()))`.
   * @throws where it was scaled already
   */
  scaleLoss(loss: tf.Scalar): tf.Scalar {
    if (this.scaledLosses.has(loss))
      throw new Error('got a loss that is scaled already, expected the loss itself: scale it once')
    const scaled = tf.mul<tf.Scalar>(loss, this.state.scale)
    this.scaledLosses.add(scaled)
    this.scaled = true
    return scaled
  }

  /**
   * The gradients of a scaled loss divided by the scale; judges whether they are finite.
   * @throws where they were unscaled already; `computeGradients` does so
   */
  unscaleGradients(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    return tf.tidy(() => {
      const unscaled = this.divide(gradients)
      if (this.skips) {
        const finite = allFinite(present(unscaled))
        this.finite.assign(this.judged ? tf.logicalAnd(this.finite, finite) : finite)
        this.judged = true
      }
      for (const gradient of present(unscaled)) this.unscaledGradients.add(gradient)
      return unscaled
    })
  }

  private divide(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    for (const [name, gradient] of Object.entries(gradients))
      if (gradient != null && this.unscaledGradients.has(gradient))
        throw new Error(`got a gradient of ${name} that is unscaled already, expected a scaled one: unscale it once`)
    this.scaled = false
    const divided = Object.entries(gradients).map(([name, gradient]) => [
      name,
      gradient && tf.div(gradient, this.state.scale),
    ])
    return Object.fromEntries(divided)
  }

  private clipped(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    return this.clip ? this.clip(gradients) : gradients
  }

  /**
   * Applies unscaled gradients where all are finite; else leaves variables, slots and the wrapped optimizer's step
   * counter as they are, to the bit. Then adapts the scale.
   * @throws where a loss was scaled by `scaleLoss` and its gradients never unscaled
   */
  override applyGradients(gradients: Gradients): void {
    if (this.scaled)
      throw new Error('got gradients of a scaled loss, expected unscaled ones: call unscaleGradients first')
    if (isAccumulating(this.optimizer) || !this.skips) this.optimizer.applyGradients(gradients)
    else this.applyWhereFinite(byName(gradients))
  }

  private applyWhereFinite(gradients: tf.NamedTensorMap): void {
    tf.tidy(() => {
      const finite = this.judge(gradients)
      if (isConditional(this.optimizer)) this.optimizer.applyGradientsIf(finite, gradients)
      else this.selected.apply(finite, gradients)
      this.skipped.assign(tf.add(this.skipped, tf.cast(tf.logicalNot(finite), 'int32')))
      if (this.config.kind === 'fixed') return
      const next = nextState(this.state, finite, this.config)
      this.state.scale.assign(next.scale)
      this.state.goodSteps.assign(next.goodSteps)
      this.state.badSteps.assign(next.badSteps)
    })
    this.judged = false
  }

  private get skips(): boolean {
    return this.config.kind === 'dynamic' || this.config.skipNonFinite
  }

  /** What `unscaleGradients` found, and the gradients that it has not seen (clipped ones, or from elsewhere). */
  private judge(gradients: tf.NamedTensorMap): tf.Scalar {
    const unseen = present(gradients).filter((gradient) => !this.unscaledGradients.has(gradient))
    const finite = allFinite(unseen)
    return this.judged ? tf.logicalAnd(this.finite, finite) : finite
  }

  /**
   * The wrapped optimizer's state, then `loss_scale`, `good_steps` and `bad_steps`, which are the optimizer's own tensors,
   * not copies. A built-in optimizer's `iter` is given without the skipped steps.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    const wrapped = await this.optimizer.getWeights()
    const taken = await Promise.all(
      wrapped.map((weight) => (weight.name === 'iter' ? this.withoutSkipped(weight) : weight)),
    )
    return [...taken, ...this.ownWeights()]
  }

  private ownWeights(): NamedTensor[] {
    const { scale, goodSteps, badSteps } = this.state
    return [
      { name: 'loss_scale', tensor: scale },
      { name: 'good_steps', tensor: goodSteps },
      { name: 'bad_steps', tensor: badSteps },
    ].map(({ name, tensor }) => ({ name, tensor: tensor as tf.Tensor }))
  }

  private async withoutSkipped({ name, tensor }: NamedTensor): Promise<NamedTensor> {
    const [[iterations], [skipped]] = await Promise.all([tensor.data(), this.skipped.data()])
    tensor.dispose()
    return { name, tensor: tf.scalar(iterations! - skipped!, 'int32') }
  }

  /** @throws where one of the three is missing or no scalar; then nothing has changed */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const own = this.ownWeights().map(({ name, tensor }) => {
      const given = weights.find((weight) => weight.name === name)
      if (given?.tensor.rank !== 0)
        throw new Error(
          `got ${given ? `shape [${given.tensor.shape}] for` : 'no'} weight ${name}, expected a scalar: the state of a LossScaleOptimizer`,
        )
      return { variable: tensor as tf.Variable, value: given.tensor, name }
    })
    await this.optimizer.setWeights(weights.filter(({ name }) => !own.some((weight) => weight.name === name)))
    tf.tidy(() => {
      for (const { variable, value } of own) variable.assign(tf.cast(value, variable.dtype))
      this.skipped.assign(tf.scalar(0, 'int32'))
    })
    this.selected = new SelectedUpdate(this.optimizer) // its slots may be gone
    this.judged = false
    this.scaled = false
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      optimizer: { className: this.optimizer.getClassName(), config: this.optimizer.getConfig() },
      lossScale: { ...this.config },
    }
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(restored(config.optimizer), config.lossScale)
  }

  /** Frees the scale's state and the wrapped optimizer. */
  override dispose(): void {
    tf.dispose([...Object.values(this.state), this.skipped, this.finite])
    this.optimizer.dispose()
  }
}

function refuseSecondScaling(optimizer: tf.Optimizer): void {
  if (chain(optimizer).some((inner) => inner.getClassName() === LossScaleOptimizer.className))
    throw new Error('got a LossScaleOptimizer inside another, expected one: the loss would be scaled twice')
}

const present = (gradients: tf.NamedTensorMap) => Object.values(gradients).filter((gradient) => gradient != null)

const byName = (gradients: Gradients): tf.NamedTensorMap =>
  Array.isArray(gradients) ? Object.fromEntries(gradients.map(({ name, tensor }) => [name, tensor])) : gradients
