import { hash } from '../random'
import type { Normalization, OnWarning, Sample } from '../types'
import { Dataset } from './dataset'
import { Loader, type Pixels, type ReadBytes } from './load'
import { Order } from './order'

export interface DatasetOptions {
  batchSize: number
  /** Resizes images (by area) and masks (nearest); without it all must have one size. A side, or [height, width]. */
  size?: number | [height: number, width: number]
  /** Default `zero_centered`. */
  normalization?: Normalization
  /** Leaves clean samples out, as the reference does in training; default false. */
  defectiveOnly?: boolean
  /** A new random order in every pass; default false. */
  shuffle?: boolean
  /** Never ends, and fills every batch; default false: one pass an iterator. */
  repeat?: boolean
  /** Without `repeat`: leaves a short last batch out; default false. */
  dropRemainder?: boolean
  /** Random mirror images and quarter turns (half turns where images aren't square), new in every pass; default false. */
  augment?: boolean
  /** Of order and augmentation; a whole number, default 0. */
  seed?: number
  /** This process's part of the samples: every `size`-th one, from the `rank`-th on. */
  shard?: { rank: number; size: number }
  /** Keeps the decoded pictures, 8 bits a pixel; default true. */
  cache?: boolean
  /** Hears how much the cache will take, before it is filled. */
  onCache?: (cache: { bytes: number; images: number }) => void
  /** Hears of pictures that are not 8-bit grey; default `console.warn`. */
  onWarning?: OnWarning
}

/** @internal `createDataset`, given the way to read files. */
export async function buildDataset(
  samples: readonly Sample[],
  options: DatasetOptions,
  read: ReadBytes,
): Promise<Dataset> {
  const {
    normalization = 'zero_centered',
    shuffle = false,
    repeat = false,
    dropRemainder = false,
    augment = false,
  } = options
  const { batchSize, size, seed = 0, cache = true, onCache, onWarning = console.warn } = options
  if (!(Number.isInteger(batchSize) && batchSize >= 1))
    throw new Error(`got the batch size ${batchSize}, expected a whole number of at least 1`)
  if (!Number.isInteger(seed)) throw new Error(`got the seed ${seed}, expected a whole number`)

  // The reference's order: filter, shard, cache, shuffle, repeat, augment, batch.
  const chosen = shardOf(filtered(samples, options.defectiveOnly), options.shard)
  if (!repeat && dropRemainder && chosen.length < batchSize)
    throw new Error(`${chosen.length} samples make no batch of ${batchSize}; make it smaller or keep the remainder`)
  const all = chosen.map(({ sample }) => sample)
  const loader = await Loader.create(all, size, read, onWarning)
  const pixels = loader.height * loader.width
  const cacheBytes = cache ? pixels * (all.length + all.filter(({ mask }) => mask !== null).length) : 0
  let load = (i: number): Pixels | Promise<Pixels> => loader.load(all[i]!)
  if (cache) {
    onCache?.({ bytes: cacheBytes, images: all.length })
    const decoded: Pixels[] = []
    for (const sample of all) decoded.push(await loader.load(sample))
    load = (i) => decoded[i]!
  }
  const order = new Order(all.length, seed, shuffle)
  const { height, width } = loader
  const encoder = new TextEncoder()
  const fingerprint = all.reduce((sum, { name }) => hash(sum, ...encoder.encode(name)), 0).toString(16)
  const how = { batchSize, normalization, repeat, dropRemainder, augment }
  return new Dataset({ chosen, height, width, load, cacheBytes, order, fingerprint, ...how })
}

interface Chosen {
  sample: Sample
  index: number
}

function filtered(samples: readonly Sample[], defectiveOnly = false): Chosen[] {
  const chosen = samples
    .map((sample, index) => ({ sample, index }))
    .filter(({ sample }) => !defectiveOnly || sample.defective)
  if (samples.length === 0) throw new Error('got no samples, expected at least one')
  if (chosen.length === 0)
    throw new Error(`none of the ${samples.length} samples is defective; leave defectiveOnly out`)
  return chosen
}

function shardOf(chosen: Chosen[], shard: DatasetOptions['shard']): Chosen[] {
  if (!shard) return chosen
  const { rank, size } = shard
  if (!(Number.isInteger(rank) && Number.isInteger(size) && rank >= 0 && rank < size))
    throw new Error(`got shard ${rank} of ${size}, expected a rank from 0 to size − 1`)
  const mine = chosen.filter((_, i) => i % size === rank)
  if (mine.length === 0) throw new Error(`shard ${rank} of ${size} is empty: there are only ${chosen.length} samples`)
  return mine
}
