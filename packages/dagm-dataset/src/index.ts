import { buildDataset, type DatasetOptions } from './dataset/create'
import type { Dataset } from './dataset/dataset'
import { readBytes } from './files'
import type { Sample } from './types'

export { type DownloadOptions, type DownloadProgress, downloadDagm } from './download/download'
export { type CheckOptions, checkDagm, type SplitReport } from './layouts/check'
export { writeLists } from './layouts/lists'
export { type OpenOptions, openDagm } from './layouts/open'
export { type WriteOptions, writeDagm } from './layouts/write'
export * from './shared'

/**
 * Batches of samples for training or evaluation, in the reference's order: filter, shard, cache, shuffle, repeat,
 * augment, batch. What is random depends on (seed, epoch, position) alone.
 *
 * @throws naming the file, where one is missing, damaged or of another size
 */
export const createDataset = (samples: readonly Sample[], options: DatasetOptions): Promise<Dataset> =>
  buildDataset(samples, options, readBytes)
