import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { selectBackend } from '../backends'
import { readConfigFile } from '../options/config-file'
import type { Request } from '../options/parse'
import { schema } from '../options/schema'
import { type Blob, findBlobs } from '../prediction/blobs'
import { findInputs } from '../prediction/inputs'
import { type Predicted, predictImages } from '../prediction/predict-images'
import { overlay } from '../report/pictures'
import { grey } from '../report/raster'
import { writePicture } from '../report/write-picture'
import { loadModel } from '../training/checkpoint'
import { locate } from '../training/run-folder'
import { ranges } from '../training/sample-pictures'

/** The line of JSON that `predict` prints for an image. */
export interface Prediction {
  image: string
  /** The highest probability of any pixel. */
  defectProbability: number
  /** Whether that is greater than the threshold, as is the probability of every pixel counted below. */
  defective: boolean
  areaPixels: number
  /** Of the whole image, in [0, 1]. */
  areaFraction: number
  /** Connected regions, largest first. */
  blobs: Blob[]
}

/**
 * Finds defects in images: writes a picture of the probabilities and an overlay of each, prints a line of JSON of each.
 *
 * @throws at the end, where some of the images could not be read
 */
export async function predict({ options, given }: Request): Promise<void> {
  const { images, outputDir, threshold, resultsDir, checkpoint: wanted } = options
  const inputs = await findInputs(images, outputDir)
  const { run, checkpoint } = locate(resultsDir, wanted)
  const config = join(run.path, 'config.json')
  const { normalization } = schema.parse({ ...(existsSync(config) && readConfigFile(config)), ...given })
  const { name, description } = await selectBackend(options.backend, 'inference', options.threads)
  const { model, state } = await loadModel(checkpoint)
  const say = (text: string) => console.error(text)
  say(
    `${inputs.length} images · ${run.path}, step ${state.step} · backend ${name} (${description}) · pictures in ${outputDir}`,
  )
  let failures = 0
  const onFailure = (error: Error) => {
    failures++
    say(`unet-industrial: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`)
  }
  try {
    for await (const predicted of predictImages(model, inputs, {
      range: ranges[normalization],
      onFailure,
      onPadding: say,
    })) {
      writePictures(predicted, outputDir, threshold)
      console.log(JSON.stringify(describe(predicted, threshold)))
    }
  } finally {
    model.dispose()
  }
  if (failures > 0) throw new Error(`${failures} of ${inputs.length} images could not be used, see above`)
}

function writePictures({ input, raster, probability }: Predicted, outputDir: string, threshold: number): void {
  const { width, height, data } = raster
  const stem = join(outputDir, input.stem)
  writePicture(`${stem}-probability.png`, grey(probability, width, height, [0, 1]))
  const image = grey(data, width, height, [0, 255])
  writePicture(`${stem}-overlay.png`, overlay(image, { probability, threshold }))
}

function describe({ input, raster, probability }: Predicted, threshold: number): Prediction {
  const blobs = findBlobs(probability, raster.width, raster.height, threshold)
  const areaPixels = blobs.reduce((sum, { area }) => sum + area, 0)
  return {
    image: input.path,
    defectProbability: probability.reduce((highest, value) => Math.max(highest, value), 0),
    defective: areaPixels > 0,
    areaPixels,
    areaFraction: areaPixels / probability.length,
    blobs,
  }
}
