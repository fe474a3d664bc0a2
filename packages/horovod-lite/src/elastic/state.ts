import * as tf from '@tensorflow/tfjs-core'
import { allreduce, broadcastObject, broadcastVariables } from '../collectives/collectives'
import { context } from '../context'
import { broadcastOptimizerState } from '../optimizer/state'
import { Max } from '../reduce_op'
import { HostsUpdatedInterrupt } from './errors'

/** What must survive a change of the world: kept in memory by `commit`, so that training goes on from there. */
export abstract class State {
  private readonly callbacks: (() => void | Promise<void>)[] = []
  private seen = 0

  /** Keeps everything as it is now. */
  abstract save(): Promise<void>
  /** Puts everything back to what `save` kept. */
  abstract restore(): Promise<void>
  /** Gives every rank what rank 0 has, and keeps it. */
  abstract sync(): Promise<void>

  /**
   * Keeps everything as it is now, then looks whether the hosts have changed. The more often, the less is lost where a rank
   * dies; it costs a small collective. Every rank calls it after the same step.
   * @throws HostsUpdatedInterrupt on every rank, where any has heard that hosts have come or gone
   */
  async commit(): Promise<void> {
    await this.save()
    this.checkHostUpdates()
  }

  /** Looks whether the hosts have changed, without keeping anything. @throws HostsUpdatedInterrupt */
  checkHostUpdates(): void {
    const count = context('checkHostUpdates()').client?.hostsUpdated ?? 0
    const changed = tf.tidy(() => {
      const news = tf.tensor1d([Number(count > this.seen)], 'int32')
      return allreduce(news, { op: Max }).dataSync()[0] === 1
    })
    this.seen = count
    if (changed) throw new HostsUpdatedInterrupt('hosts have come or gone')
  }

  /** Called after each change of the world, before `sync`: for what depends on `size()`, such as a learning rate. */
  onReset(callback: () => void | Promise<void>): void {
    this.callbacks.push(callback)
  }

  /** @internal The world has changed. */
  async reset(): Promise<void> {
    this.seen = 0
    for (const callback of this.callbacks) await callback()
  }
}

/** Plain values: anything that `structuredClone` copies. */
export class ObjectState<T extends object> extends State {
  private saved: T

  constructor(public values: T) {
    super()
    this.saved = structuredClone(values)
  }

  async save(): Promise<void> {
    this.saved = structuredClone(this.values)
  }

  async restore(): Promise<void> {
    this.values = structuredClone(this.saved)
  }

  async sync(): Promise<void> {
    this.values = broadcastObject(this.values)
    await this.save()
  }
}

export interface TrainingStateOptions<T extends object> {
  variables: readonly tf.Variable[]
  /** Its slots and counters. */
  optimizer?: tf.Optimizer
  /** What else belongs to it, such as `{ step: 0 }`. Default none. */
  values?: T
}

type Weights = Awaited<ReturnType<tf.Optimizer['getWeights']>>

/**
 * Variables, an optimizer's state and plain values. Keeping them copies nothing: tensors are never changed in place, so
 * the old ones are only kept alive. Dispose of it when training has ended; variables and optimizer stay the caller's.
 */
export class TrainingState<T extends object = Record<string, never>> extends ObjectState<T> {
  private readonly variables: readonly tf.Variable[]
  private readonly optimizer?: tf.Optimizer
  private kept: tf.Tensor[] = []
  private weights: Weights = []

  constructor({ variables, optimizer, values = {} as T }: TrainingStateOptions<T>) {
    super(values)
    this.variables = variables
    this.optimizer = optimizer
    this.kept = variables.map(keep)
  }

  override async save(): Promise<void> {
    await super.save()
    const weights = (await this.optimizer?.getWeights()) ?? []
    const before = [...this.kept, ...this.weights.map(({ tensor }) => tensor)]
    this.kept = this.variables.map(keep)
    this.weights = weights.map(({ name, tensor }) => ({ name, tensor: keep(tensor) }))
    tf.dispose(before)
    for (const { name, tensor } of weights) if (name === 'iter') tensor.dispose() // tfjs makes a new one for each call
  }

  override async restore(): Promise<void> {
    await super.restore()
    for (const [i, variable] of this.variables.entries()) variable.assign(this.kept[i]!)
    if (this.optimizer && this.weights.length > 0) await this.optimizer.setWeights(this.weights)
  }

  override async sync(): Promise<void> {
    broadcastVariables(this.variables)
    if (this.optimizer) await broadcastOptimizerState(this.optimizer)
    await super.sync()
  }

  dispose(): void {
    tf.dispose([...this.kept, ...this.weights.map(({ tensor }) => tensor)])
    this.kept = []
    this.weights = []
  }
}

const keep = (tensor: tf.Tensor): tf.Tensor => tf.keep(tf.clone(tensor))
