import * as tf from '@tensorflow/tfjs-core'
import { allreduce } from '../collectives/collectives'
import { context } from '../context'
import { Max } from '../reduce_op'
import { HostsUpdatedInterrupt } from './errors'

type ResetCallback = () => void | Promise<void>

/**
 * What must survive a change of the world. `commit` keeps it in memory, and after the change training goes on from there.
 * `TrainingState` and `ObjectState` are such states; extend this class for one of your own, such as a reader's position.
 */
export abstract class State {
  readonly #callbacks: ResetCallback[] = []

  /** Keeps everything as it is now, in memory. */
  abstract save(): void | Promise<void>
  /** Puts everything back to what was kept last. */
  abstract restore(): void | Promise<void>
  /** Gives every rank what rank 0 has now, and keeps it. Collective. */
  abstract sync(): void | Promise<void>

  /**
   * Keeps everything as it is now, then looks whether the hosts have changed. The more often, the less is lost where a rank
   * dies. Collective: every rank calls it after the same step.
   * @throws HostsUpdatedInterrupt as `checkHostUpdates`
   */
  async commit(): Promise<void> {
    await this.save()
    this.checkHostUpdates()
  }

  /**
   * Looks whether hosts have come or gone, and keeps nothing. Collective, one small number travels; outside of elastic jobs
   * nothing does.
   * @throws HostsUpdatedInterrupt on every rank, where any of them has heard of a change: `run` takes it
   */
  checkHostUpdates(): void {
    const { client, environment } = context('checkHostUpdates()')
    if (!client || environment.HOROVOD_ELASTIC !== '1') return
    const [updates] = tf.tidy(() =>
      allreduce(tf.tensor1d([client.hostsUpdated], 'int32'), { op: Max, name: 'elastic.hostsUpdated' }).dataSync(),
    )
    if (updates! > 0) throw new HostsUpdatedInterrupt('hosts have come or gone')
  }

  /**
   * Functions to call after each change of the world, on the ranks that were there before, when `size()` is the new one and
   * before `sync`: for what depends on it, such as a learning rate.
   */
  registerResetCallbacks(callbacks: readonly ResetCallback[]): void {
    this.#callbacks.push(...callbacks)
  }

  /** @internal The world has changed. */
  async onReset(): Promise<void> {
    for (const callback of this.#callbacks) await callback()
  }
}
