import { checkData } from '../data/check'
import { downloadData } from '../data/download'
import { generateData } from '../data/generate'
import { previewData } from '../data/preview'
import { UsageError } from '../options/errors'
import type { Request } from '../options/parse'

const actions = { generate: generateData, download: downloadData, check: checkData, preview: previewData }

/** Generates, downloads, checks or previews a data set in --data-dir. */
export async function data(request: Request): Promise<void> {
  const { action, dataDir } = request.options
  if (dataDir === undefined) throw new UsageError(`data ${action} needs --data-dir <folder>`)
  await actions[action](dataDir, request)
}
