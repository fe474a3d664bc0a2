import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Split } from '../types'
import { listFolder } from './find'
import type { Scan } from './scan'

/** One image of Labels.txt. */
export interface LabelRow {
  image: string
  /** The mask's file name; null says that the image is clean. */
  mask: string | null
}

/** The folder of a split: Train or Test. */
export const splitFolder = (split: Split) => (split === 'train' ? 'Train' : 'Test')

/**
 * Reads a Labels.txt: tab-separated number, defective flag, image, 0, mask or 0; CRLF or LF; the first line is just `1`;
 * clean rows end with one more tab.
 *
 * @param path what an error calls the file
 */
export function parseLabels(text: string, path: string): LabelRow[] {
  const rows: LabelRow[] = []
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, i) => {
      const fields = line.trimEnd().split('\t')
      if (line.trim() === '' || (i === 0 && fields.length === 1)) return
      const fail = (what: string) => new Error(`${path}, line ${i + 1}: ${what}`)
      if (fields.length !== 5)
        throw fail(`got ${fields.length} fields, expected 5 with tabs between: number, flag, image, 0, mask or 0`)
      const [, flag, image, , mask] = fields.map((field) => field.trim()) as [string, string, string, string, string]
      if (flag !== '0' && flag !== '1') throw fail(`got the defective flag "${flag}", expected 0 or 1`)
      if ((flag === '1') !== (mask !== '0'))
        throw fail(`got flag ${flag} with mask "${mask}", expected a mask where the flag is 1 and 0 where it is 0`)
      rows.push({ image, mask: mask === '0' ? null : mask })
    })
  return rows
}

/** Writes a Labels.txt as the official ones are, with CRLF. */
export function formatLabels(rows: readonly LabelRow[]): string {
  const lines = rows.map(({ image, mask }) => {
    const number = image.replace(/\..*$/, '')
    return mask === null ? `${number}\t0\t${image}\t0\t0\t` : `${number}\t1\t${image}\t0\t${mask}`
  })
  return ['1', ...lines, ''].join('\r\n')
}

/** Looks up what Labels.txt lists; other files in the folders don't matter. */
export async function scanCompetition(folder: string, classId: number, split: Split): Promise<Scan> {
  const name = (await listFolder(folder))?.get(split)
  if (name === undefined)
    throw new Error(`${folder}: no ${splitFolder(split)} folder in it; expected ${splitFolder(split)}/Label/Labels.txt`)
  const images = join(folder, name)
  const imageNames = (await listFolder(images))!
  const masks = join(images, imageNames.get('label') ?? 'Label')
  const maskNames = await listFolder(masks)
  const labels = maskNames?.get('labels.txt')
  if (!maskNames || labels === undefined)
    throw new Error(`${join(masks, 'Labels.txt')}: no such file; expected the list of images`)

  const scan: Scan = {
    layout: 'competition',
    classId,
    split,
    folder: images,
    samples: [],
    missingImages: [],
    missingMasks: [],
  }
  for (const row of parseLabels(await readFile(join(masks, labels), 'utf8'), join(masks, labels))) {
    const defective = row.mask !== null
    const image = imageNames.get(row.image.toLowerCase())
    const mask = row.mask === null ? null : maskNames.get(row.mask.toLowerCase())
    if (image === undefined) scan.missingImages.push({ name: row.image, defective })
    else if (mask === undefined) scan.missingMasks.push(row.image)
    else
      scan.samples.push({
        image: join(images, image),
        mask: mask === null ? null : join(masks, mask),
        defective,
        name: `Class${classId}/${splitFolder(split)}/${row.image}`,
      })
  }
  return scan
}
