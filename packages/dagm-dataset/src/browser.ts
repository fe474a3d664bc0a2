import { buildDataset, type DatasetOptions } from './dataset/create'
import type { Dataset } from './dataset/dataset'
import type { Sample } from './types'

export * from './shared'

/** As in Node, but strings in samples are URLs. */
export const createDataset = (samples: readonly Sample[], options: DatasetOptions): Promise<Dataset> =>
  buildDataset(samples, options, async (url) => {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`${url}: got ${response.status} ${response.statusText}, expected a PNG`)
    return new Uint8Array(await response.arrayBuffer())
  })
