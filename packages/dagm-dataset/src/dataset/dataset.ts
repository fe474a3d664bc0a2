import * as tf from '@tensorflow/tfjs-core'
import { copyWalk, transformedWalk } from '../raster/transform'
import type { Normalization, Sample } from '../types'
import type { Pixels } from './load'
import { augmentation, type Order, type Place } from './order'

/** A batch of samples; the caller disposes of it. */
export interface Batch {
  /** [n, height, width, 1] float32, normalised. */
  image: tf.Tensor4D
  /** [n, height, width, 1] float32, 1 where defective, else 0. */
  mask: tf.Tensor4D
  /** What the rows show; `index` counts in the samples that `createDataset` was given. */
  samples: { name: string; defective: boolean; index: number }[]
  dispose(): void
}

/** Where a data set is: small, plain JSON. */
export interface DatasetState {
  /** Complete passes so far. */
  epoch: number
  /** How many samples of the current pass have been handed out. */
  position: number
  seed: number
  size: number
  /** A checksum of the samples' names, in order. */
  samples: string
}

/** @internal What `createDataset` has prepared. */
export interface Parts {
  chosen: { sample: Sample; index: number }[]
  height: number
  width: number
  load: (i: number) => Pixels | Promise<Pixels>
  cacheBytes: number
  order: Order
  fingerprint: string
  batchSize: number
  normalization: Normalization
  repeat: boolean
  dropRemainder: boolean
  augment: boolean
}

interface Prepared {
  image: Float32Array
  mask: Float32Array
  samples: Batch['samples']
}

const tables: Record<Normalization, Float32Array> = {
  zero_centered: Float32Array.from({ length: 256 }, (_, value) => value / 127.5 - 1),
  zero_one: Float32Array.from({ length: 256 }, (_, value) => value / 255),
  none: Float32Array.from({ length: 256 }, (_, value) => value),
}
const maskTable = Float32Array.from({ length: 256 }, (_, value) => Number(value > 0))

/**
 * Batches of a set of samples, made by `createDataset`.
 *
 * With `repeat` it never ends: each iterator goes on where the last one stopped, batches run across epochs and none is
 * short. Without it each iterator is one pass, and the last batch may be short; only the first iterator after `restore`
 * goes on in mid-pass. While the caller works on a batch the next one is decoded and augmented, which `state()` doesn't show.
 */
export class Dataset implements AsyncIterable<Batch> {
  /** How many samples there are, after filter and shard. */
  readonly size: number
  /** Of one image, and of one mask. */
  readonly sampleShape: [height: number, width: number, channels: 1]
  /** What the decoded pictures take in memory; 0 without cache. */
  readonly cacheBytes: number
  /** Batches in a pass. With `repeat` size / batchSize, which need not be whole: E epochs are ⌈E · epochBatches⌉ batches. */
  readonly epochBatches: number
  readonly #parts: Parts
  #place: Place = { epoch: 0, position: 0 }
  #resumed = false
  #ahead: { place: Place; prepared: Promise<Prepared> } | null = null

  /** @internal */
  constructor(parts: Parts) {
    const { chosen, batchSize, repeat, dropRemainder } = parts
    this.#parts = parts
    this.size = chosen.length
    this.sampleShape = [parts.height, parts.width, 1]
    this.cacheBytes = parts.cacheBytes
    const batches = this.size / batchSize
    this.epochBatches = repeat ? batches : dropRemainder ? Math.floor(batches) : Math.ceil(batches)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const { repeat, order } = this.#parts
    if (!repeat && !this.#resumed && this.#place.position > 0) this.#nextPass()
    this.#resumed = false
    try {
      for (let count = this.#count(); count > 0; count = this.#count()) {
        const prepared = await this.#take(count)
        const { epoch } = this.#place
        this.#place = order.after(this.#place, count)
        const ended = !repeat && (this.#place.epoch !== epoch || this.#count() === 0)
        if (!ended) this.#lookAhead()
        yield this.#batch(prepared)
        if (ended) break
      }
    } finally {
      this.#ahead = null
    }
    if (this.#place.position > 0) this.#nextPass() // a remainder that was dropped
  }

  /** Where the batches handed out so far end; `restore` of it, in a data set made alike, gives exactly the ones after. */
  state(): DatasetState {
    const { order, fingerprint } = this.#parts
    return { ...this.#place, seed: order.seed, size: this.size, samples: fingerprint }
  }

  /** @throws where the state is of other samples, another seed or another shard */
  restore(state: DatasetState): void {
    const mine = this.state()
    for (const key of ['seed', 'size', 'samples'] as const)
      if (state[key] !== mine[key])
        throw new Error(
          `the state is of another data set: got ${key} ${state[key]}, expected ${mine[key]}; use the same samples, shard and seed`,
        )
    const { epoch, position } = state
    if (!(Number.isInteger(epoch) && epoch >= 0 && Number.isInteger(position) && position >= 0 && position < this.size))
      throw new Error(
        `got epoch ${epoch} and position ${position}, expected whole numbers, the position below ${this.size}`,
      )
    this.#place = { epoch, position }
    this.#resumed = true
    this.#ahead = null
  }

  /** Lets go of the cache. Batches that were handed out stay the caller's. */
  dispose(): void {
    this.#ahead = null
    this.#parts.load = () => {
      throw new Error('this data set was disposed of; make another one')
    }
  }

  /** How many samples the next batch has; 0 at the end of a pass. */
  #count(): number {
    const { repeat, batchSize, dropRemainder } = this.#parts
    const left = this.size - this.#place.position
    return repeat ? batchSize : left >= batchSize ? batchSize : dropRemainder ? 0 : left
  }

  #nextPass(): void {
    this.#place = { epoch: this.#place.epoch + 1, position: 0 }
  }

  #take(count: number): Promise<Prepared> {
    const ahead = this.#ahead
    this.#ahead = null
    return ahead?.place === this.#place ? ahead.prepared : this.#prepare(this.#place, count)
  }

  /** Begins the next batch as soon as the caller, who is given this one, waits for something. */
  #lookAhead(): void {
    const [place, count] = [this.#place, this.#count()]
    const turn = new Promise<void>((resolve) => setTimeout(resolve))
    const prepared = turn.then(() => this.#prepare(place, count))
    prepared.catch(() => {}) // the error belongs to whoever takes the batch
    this.#ahead = { place, prepared }
  }

  async #prepare(place: Place, count: number): Promise<Prepared> {
    const { order, chosen, load, height, width, normalization, augment } = this.#parts
    const pixels = height * width
    const image = new Float32Array(count * pixels)
    const mask = new Float32Array(count * pixels)
    const samples: Batch['samples'] = []
    for (let i = 0; i < count; i++) {
      const at = order.after(place, i)
      const which = order.at(at)
      const { sample, index } = chosen[which]!
      const loaded = load(which)
      const source = loaded instanceof Promise ? await loaded : loaded
      const transform = augment ? augmentation(order.seed, at, height === width) : { flip: false, quarterTurns: 0 }
      const walk = transformedWalk(width, height, transform)
      copyWalk(source.image, walk, tables[normalization], image, i * pixels)
      if (source.mask) copyWalk(source.mask, walk, maskTable, mask, i * pixels)
      samples.push({ name: sample.name, defective: sample.defective, index })
    }
    return { image, mask, samples }
  }

  #batch({ image, mask, samples }: Prepared): Batch {
    const shape: [number, number, number, number] = [samples.length, ...this.sampleShape]
    const tensors = { image: tf.tensor4d(image, shape), mask: tf.tensor4d(mask, shape) }
    return { ...tensors, samples, dispose: () => tf.dispose(tensors) }
  }
}
