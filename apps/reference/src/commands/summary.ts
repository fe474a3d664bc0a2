import { selectBackend } from '../backends'
import type { Request } from '../options/parse'
import { modelOf } from '../training/recipe'

/** Prints what the model costs, layer by layer and in all. */
export async function summarize({ options }: Request): Promise<void> {
  const { imageSize = 512, batchSize, json } = options
  await selectBackend('cpu', 'inference')
  const model = modelOf(options, [imageSize, imageSize])
  const { config } = model
  const summary = model.summary()
  model.dispose()
  if (json) {
    const { rows, parameters, macs, activationBytes } = summary
    console.log(JSON.stringify({ ...config, batchSize, parameters, macs, activationBytes, layers: rows }))
    return
  }
  console.log(String(summary))
  const gigabytes = (summary.activationBytes * batchSize) / 2 ** 30
  console.log(
    `activations of a batch of ${batchSize}: ${gigabytes.toFixed(2)} GiB; training keeps them for the gradients`,
  )
}
