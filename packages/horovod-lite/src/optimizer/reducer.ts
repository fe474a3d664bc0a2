import type * as tf from '@tensorflow/tfjs-core'
import type { Pending } from '../collectives/pending'

/**
 * Starts the reduction of one bucket's gradients. The bucket and its variables have names, equal on every rank.
 * `waiting`: the bucket is the only one, so nothing goes on meanwhile.
 */
export type StartReduction = (
  gradients: tf.Tensor[],
  bucket: { name: string; names: string[]; waiting: boolean },
) => Pick<Pending<tf.Tensor[]>, 'wait'>

/**
 * Reduces the gradients of one step, bucket by bucket. This is the seam for an engine that computes gradients one by one:
 * it calls `ready` as each becomes known, and the reduction of a full bucket runs while the rest of backward goes on.
 */
export class GradientReducer {
  private readonly buckets: Bucket[]
  private readonly bucketOf = new Map<string, Bucket>()

  /** @param plan names of variables, bucket by bucket; the same on every rank */
  constructor(
    plan: readonly (readonly string[])[],
    private readonly start: StartReduction,
  ) {
    this.buckets = plan.map((names, i) => ({ name: `gradients.${i}`, names, gradients: new Map() }))
    for (const bucket of this.buckets) for (const name of bucket.names) this.bucketOf.set(name, bucket)
  }

  /** Once for each variable that has a gradient, in any order. Starts its bucket where that is now full. */
  ready(name: string, gradient: tf.Tensor): void {
    const bucket = this.bucketOf.get(name)
    if (!bucket || bucket.pending || bucket.gradients.has(name))
      throw new Error(
        `got ${bucket ? 'a second gradient' : 'a gradient'} for ${name}, expected one for each of ${this.bucketOf.size} variables`,
      )
    bucket.gradients.set(name, gradient)
    if (bucket.gradients.size === bucket.names.length) this.begin(bucket)
  }

  /**
   * Blocks until all are reduced. Buckets that are not full travel as they are, even empty: the other ranks may have more,
   * and then all raise, naming the variables.
   * @returns the reduced gradients by variable
   */
  finish(): tf.NamedTensorMap {
    for (const bucket of this.buckets) if (!bucket.pending) this.begin(bucket)
    const reduced: tf.NamedTensorMap = {}
    const failures: unknown[] = []
    for (const { pending, order } of this.buckets as Started[])
      try {
        const gradients = pending.wait()
        for (const [i, name] of order.entries()) reduced[name] = gradients[i]!
      } catch (failure) {
        failures.push(failure) // the others are waited for too: none may be under way when the next step begins
      }
    if (failures.length > 0) throw failures[0]
    return reduced
  }

  private begin(bucket: Bucket): void {
    const names = bucket.names.filter((name) => bucket.gradients.has(name))
    const gradients = names.map((name) => bucket.gradients.get(name)!)
    bucket.order = names
    bucket.pending = this.start(gradients, { name: bucket.name, names, waiting: this.buckets.length === 1 })
  }
}

interface Bucket {
  name: string
  names: readonly string[]
  gradients: Map<string, tf.Tensor>
  /** From when it was started: the variables that had gradients. */
  order?: string[]
  pending?: ReturnType<StartReduction>
}

type Started = Required<Bucket>
