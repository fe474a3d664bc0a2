import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../files'
import { checkClassId, firstNumber } from '../official'
import { encodePng } from '../raster/png'
import type { Layout, Raster, Sample, Split } from '../types'
import { formatLabels, type LabelRow, splitFolder } from './competition'
import { listFolder } from './find'
import { formatEllipses, parseEllipses, publicNumbers } from './public'

export interface WriteOptions {
  layout: Layout
  classId: number
  split: Split
  /** As for `openDagm`, which must be given the same: the numbers of the public layout decide the split. Default 0. */
  splitSeed?: number
}

/**
 * Writes samples as a DAGM data set, which `openDagm` reads back.
 *
 * `competition` numbers them through as the official set does. `public` needs `ellipses` on every defective sample, and
 * holds at most 75 defective and 500 clean images a split.
 *
 * @param samples in memory, or PNG files, which are copied
 * @throws where images of that split are there already: nothing is overwritten
 */
export async function writeDagm(samples: readonly Sample[], dataDir: string, options: WriteOptions): Promise<void> {
  checkClassId(options.classId, options.layout)
  if (options.layout === 'competition') await writeCompetition(samples, dataDir, options)
  else await writePublic(samples, dataDir, options)
}

async function writeCompetition(samples: readonly Sample[], dataDir: string, { classId, split }: WriteOptions) {
  const folder = join(dataDir, `Class${classId}`, splitFolder(split))
  if (await listFolder(folder)) throw alreadyThere(folder)
  await mkdir(join(folder, 'Label'), { recursive: true })
  const rows: LabelRow[] = []
  for (const [i, sample] of samples.entries()) {
    const number = String(firstNumber(classId, split) + i).padStart(4, '0')
    const row = { image: `${number}.PNG`, mask: sample.defective ? `${number}_label.PNG` : null }
    await writeImage(sample.image, join(folder, row.image))
    if (row.mask !== null) {
      if (sample.mask === null) throw new Error(`${sample.name}: a defective sample without a mask; expected one`)
      await writeImage(sample.mask, join(folder, 'Label', row.mask))
    }
    rows.push(row)
  }
  await replaceFile(join(folder, 'Label', 'Labels.txt'), (temporary) => writeFile(temporary, formatLabels(rows)))
}

async function writePublic(
  samples: readonly Sample[],
  dataDir: string,
  { classId, split, splitSeed = 0 }: WriteOptions,
) {
  const folders = { clean: join(dataDir, `Class${classId}`), defective: join(dataDir, `Class${classId}_def`) }
  const labels = join(folders.defective, 'labels.txt')
  await mkdir(folders.clean, { recursive: true })
  await mkdir(folders.defective, { recursive: true })
  const defectNames = (await listFolder(folders.defective))!
  const table = defectNames.has('labels.txt') ? parseEllipses(await readFile(labels, 'utf8'), labels) : new Map()
  for (const kind of ['clean', 'defective'] as const) {
    const some = samples.filter((sample) => sample.defective === (kind === 'defective'))
    const numbers = publicNumbers(kind, split, splitSeed)
    if (some.length > numbers.length)
      throw new Error(
        `got ${some.length} ${kind} samples, expected at most ${numbers.length} in a split of the public layout`,
      )
    const names = (await listFolder(folders[kind]))!
    if (numbers.some((number) => names.has(`${number}.png`))) throw alreadyThere(folders[kind])
    for (const [i, sample] of some.entries()) {
      if (kind === 'defective') {
        if (!sample.ellipses?.length)
          throw new Error(
            `${sample.name}: no ellipses, which is how the public layout keeps defects; write the competition layout`,
          )
        table.set(numbers[i]!, sample.ellipses)
      }
      await writeImage(sample.image, join(folders[kind], `${numbers[i]}.png`))
    }
  }
  await replaceFile(labels, (temporary) => writeFile(temporary, formatEllipses(table)))
}

const alreadyThere = (folder: string) =>
  new Error(`${folder}: images of this split are there already; remove them or name another folder`)

const writeImage = (image: string | Raster, path: string) =>
  typeof image === 'string' ? copyFile(image, path) : writeFile(path, encodePng(image))
