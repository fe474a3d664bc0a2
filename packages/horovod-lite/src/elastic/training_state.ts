import * as tf from '@tensorflow/tfjs-core'
import { broadcastVariables } from '../collectives/collectives'
import { learningRateOf, setLearningRate } from '../optimizer/learning_rate'
import { broadcastOptimizerState, disposeUnused } from '../optimizer/state'
import { type Values, ValuesState } from './object_state'

export interface TrainingStateParts {
  /** Of the model. They stay the caller's. */
  variables: readonly tf.Variable[] | Record<string, tf.Variable>
  /** Its slots, step counter and (where it is a number) learning rate belong to the state. It stays the caller's. */
  optimizer?: tf.Optimizer
}

interface Kept {
  variables: tf.Tensor[]
  slots: { name: string; tensor: tf.Tensor }[]
  learningRate?: number
}

export class VariablesState extends ValuesState {
  readonly variables: readonly tf.Variable[]
  readonly optimizer?: tf.Optimizer
  #kept?: Kept

  constructor({ variables, optimizer, ...values }: TrainingStateParts & Values) {
    super(values)
    this.variables = Object.values(variables)
    this.optimizer = optimizer
  }

  /** Costs no copy: tensors never change, so the old ones are only kept alive. */
  override async save(): Promise<void> {
    const { optimizer } = this
    const slots = (await optimizer?.getWeights()) ?? []
    const rate = optimizer && learningRateOf(optimizer)
    const before = this.#kept
    this.#kept = {
      variables: this.variables.map(keep),
      slots: slots.map(({ name, tensor }) => ({ name, tensor: keep(tensor) })),
      learningRate: typeof rate === 'number' ? rate : undefined,
    }
    forget(before)
    if (optimizer) await disposeUnused(optimizer, slots)
    await super.save()
  }

  override async restore(): Promise<void> {
    await super.restore()
    const kept = this.#kept
    const { optimizer } = this
    if (!kept) return
    for (const [i, variable] of this.variables.entries()) variable.assign(kept.variables[i]!)
    if (!optimizer) return
    const before = await optimizer.getWeights()
    await optimizer.setWeights(kept.slots)
    await disposeUnused(optimizer, before)
    if (kept.learningRate !== undefined) setLearningRate(optimizer, kept.learningRate)
  }

  override async sync(): Promise<void> {
    broadcastVariables(this.variables, { name: 'elastic.variables' })
    if (this.optimizer) await broadcastOptimizerState(this.optimizer)
    await super.sync()
    await this.save()
  }

  /** Frees the last commit. */
  dispose(): void {
    forget(this.#kept)
    this.#kept = undefined
  }
}

const keep = (tensor: tf.Tensor): tf.Tensor => tf.keep(tf.clone(tensor))

function forget(kept: Kept | undefined): void {
  tf.dispose([...(kept?.variables ?? []), ...(kept?.slots.map(({ tensor }) => tensor) ?? [])])
}

/**
 * Variables, an optimizer and plain values:
 *
 *     const state = new TrainingState({ variables, optimizer, step: 0 })
 *
 * The values are attributes (`state.step`), anything that `structuredClone` copies. `dispose` it when training has ended.
 */
export const TrainingState = VariablesState as new <V extends TrainingStateParts>(
  parts: V,
) => TrainingState<Omit<V, keyof TrainingStateParts>>
export type TrainingState<V extends object = object> = VariablesState & V
