import { createHash } from 'node:crypto'
import {
  createDataset,
  type Dataset,
  openDagm,
  type Sample,
  type Split,
  synthesize,
} from '@unet-industrial/dagm-dataset'
import { UsageError } from '../options/errors'
import type { Options } from '../options/schema'
import type { Say } from '../say'
import type { DataIdentity } from './checkpoint-files'
import { dataSeed, isWriter, ofAllRanks } from './world'

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`

/**
 * The images that the options name: one half of a DAGM class, or of a synthetic set drawn in memory.
 *
 * The synthetic halves come from different seeds, so its test images are ones that training never saw.
 *
 * @throws on every rank where one finds other images than rank 0: they would not end together
 */
export async function openSamples(options: Options, split: Split, say: Say): Promise<Sample[]> {
  const { datasetName, dataDir, classId, strict, imageSize = 512, seed } = options
  if (datasetName === 'DAGM2007') {
    if (dataDir === undefined)
      throw new UsageError('--data-dir is missing: name the folder of DAGM 2007, or use --dataset-name synthetic')
    const onWarning = (text: string) => isWriter() && say(text, 'warning') // the others find the same
    const samples = await openDagm(dataDir, { classId, split, strict, onWarning })
    requireSame(samples, dataDir)
    return samples
  }
  const { syntheticDefective, syntheticTest, syntheticDifficulty: difficulty } = options
  const half = Math.ceil(syntheticTest / 2)
  return split === 'train'
    ? synthesize({ classId, size: imageSize, clean: 0, defective: syntheticDefective, seed, difficulty })
    : synthesize({ classId, size: imageSize, clean: syntheticTest - half, defective: half, seed: seed + 1, difficulty })
}

const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** What a checkpoint keeps of the training images. */
export function identityOf(samples: readonly Sample[], { seed }: Options): DataIdentity {
  const names = samples.filter(({ defective }) => defective).map(({ name }) => name)
  return { seed, images: names.length, names: hashOf(names) }
}

function requireSame(samples: Sample[], dataDir: string): void {
  const defective = samples.filter((sample) => sample.defective)
  const hash = hashOf(samples.map(({ name, defective }) => [name, defective]))
  const found = { text: `${samples.length} images, ${defective.length} defective`, hash }
  const [first, ...others] = ofAllRanks(found)
  const rank = 1 + others.findIndex(({ hash }) => hash !== first!.hash)
  if (rank > 0)
    throw new Error(
      `rank ${rank} finds other images in ${dataDir} than rank 0: ${others[rank - 1]!.text}, there ${first!.text}; give every host the same`,
    )
}

/** Batches to train on: the defective images, shuffled, repeated, augmented. Only full batches, which run across epochs. */
export async function trainingSet(
  options: Options,
  samples: Sample[],
  shard: { rank: number; size: number },
  say: Say,
): Promise<Dataset> {
  const { batchSize, imageSize, normalization, augmentData } = options
  const defective = samples.filter((sample) => sample.defective)
  if (defective.length === 0)
    throw new Error(`none of the ${samples.length} training images is defective; training needs some`)
  if (defective.length < shard.size)
    throw new UsageError(
      `${shard.size} processes cannot share ${defective.length} defective training image(s): each needs one; start at most ${defective.length}`,
    )
  return createDataset(samples, {
    batchSize,
    size: imageSize,
    normalization,
    defectiveOnly: true,
    shuffle: true,
    repeat: true,
    dropRemainder: true,
    augment: augmentData,
    seed: dataSeed(options),
    shard,
    onWarning: (text) => say(text, 'warning'),
    onCache: ({ bytes }) => say(`decoding the training images into ${megabytes(bytes)} of memory`),
  })
}

/**
 * Batches to evaluate on: this rank's share of all images, once, in order; the last batch may be short. Undefined where
 * there are fewer images than ranks and this one gets none.
 */
export async function testSet(
  { batchSize, imageSize, normalization }: Options,
  samples: Sample[],
  shard: { rank: number; size: number },
  say: Say,
): Promise<Dataset | undefined> {
  if (samples.length > 0 && shard.rank >= samples.length) return undefined
  return createDataset(samples, {
    shard,
    batchSize,
    size: imageSize,
    normalization,
    onWarning: (text) => say(text, 'warning'),
    cache: false,
  })
}
