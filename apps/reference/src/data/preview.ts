import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodePng, openDagm, type Raster, type Sample } from '@unet-industrial/dagm-dataset'
import type { Request } from '../options/parse'
import { overlay } from '../report/pictures'
import { grey, grid } from '../report/raster'
import { writePicture } from '../report/write-picture'

const shown = { defective: 12, clean: 4 }
const columns = 4

/** Writes a sheet with the first defective images, their masks outlined, and the first clean ones. */
export async function previewData(dataDir: string, { options }: Request): Promise<void> {
  const { classId, split, outputDir, strict } = options
  const samples = await openDagm(dataDir, {
    classId,
    split,
    strict,
    onWarning: (text) => console.error(`warning: ${text}`),
  })
  const picked = [
    ...samples.filter(({ defective }) => defective).slice(0, shown.defective),
    ...samples.filter(({ defective }) => !defective).slice(0, shown.clean),
  ]
  const sheet = grid(picked.map(outlined), columns)
  const path = join(outputDir, `class${classId}-${split}.png`)
  writePicture(path, sheet)
  console.log(
    `${path}: ${picked.length} images, the outline of each mask in cyan, row by row: ${picked.map(({ name }) => name).join(', ')}`,
  )
}

function outlined({ image, mask }: Sample) {
  const { width, height, data } = read(image)
  const picture = grey(data, width, height, [0, 255])
  return overlay(picture, { mask: mask === null ? undefined : read(mask).data, threshold: 0 })
}

const read = (image: string | Raster): Raster =>
  typeof image === 'string' ? decodePng(readFileSync(image), image) : image
