import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publicCounts } from '../official'
import { permutation, stream } from '../random'
import { drawEllipses } from '../raster/ellipse'
import { pngSize } from '../raster/png'
import type { Ellipse, Split } from '../types'
import { listFolder } from './find'
import type { Scan } from './scan'

/** The ellipses of each numbered image; a number may have several. */
export type EllipseTable = Map<number, Ellipse[]>

/**
 * Reads a labels.txt of the public layout, one ellipse a line: number (or file name), semi-axes a and b, angle, x, y.
 *
 * Decimals, exponents, padding, CRLF and LF are fine; a file name on a line of its own names the image of the lines after
 * it, which may then leave out the number.
 *
 * @param path what an error calls the file
 */
export function parseEllipses(text: string, path: string): EllipseTable {
  const table: EllipseTable = new Map()
  let named: number | null = null
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, i) => {
      const fields = line.trim().split(/\s+/)
      if (fields[0] === '') return
      const fail = (what: string) => new Error(`${path}, line ${i + 1}: ${what}`)
      const fileNumber = /^(\d+)\.png$/i.exec(fields[0]!)?.[1]
      if (fields.length === 1 && fileNumber !== undefined) {
        named = Number(fileNumber)
        return
      }
      if (fields.length !== 6 && !(fields.length === 5 && named !== null))
        throw fail(`got ${fields.length} fields, expected 6: number, semi-axes a and b, angle in radians, centre x, y`)
      const values = fields.slice(-5).map(Number) as [number, number, number, number, number]
      const number = fields.length === 5 ? named! : Number(fileNumber ?? fields[0])
      const [a, b, angle, x, y] = values
      if (!values.every(Number.isFinite) || !Number.isInteger(number) || number < 1)
        throw fail(`got "${line.trim()}", expected a whole number and five decimal ones`)
      if (!(a > 0 && b > 0)) throw fail(`got the semi-axes ${a} and ${b}, expected both greater than 0`)
      table.set(number, [...(table.get(number) ?? []), { a, b, angle, x, y }])
    })
  return table
}

/** Writes a labels.txt of the public layout. */
export const formatEllipses = (table: EllipseTable): string =>
  [...table]
    .sort(([a], [b]) => a - b)
    .flatMap(([number, ellipses]) => ellipses.map(({ a, b, angle, x, y }) => [number, a, b, angle, x, y].join('\t')))
    .concat('')
    .join('\r\n')

/**
 * Which numbers belong to a split, ascending.
 *
 * The public set has no official split. Here its halves are drawn, clean and defective images apart, from the numbers of
 * the complete set (1..1000 and 1..150), so that an image stays in its split when others are missing. Numbers beyond the
 * complete set join the draw.
 */
export function publicNumbers(kind: 'clean' | 'defective', split: Split, seed: number, highest = 0): number[] {
  const count = Math.max(publicCounts[kind], highest)
  const order = permutation(count, stream(seed))
  const half = Math.ceil(count / 2)
  return Array.from(split === 'train' ? order.subarray(0, half) : order.subarray(half), (i) => i + 1).sort(
    (a, b) => a - b,
  )
}

/** The numbered images of a folder. */
async function numbered(folder: string): Promise<Map<number, string>> {
  const names = [...((await listFolder(folder))?.values() ?? [])]
  return new Map(
    names.flatMap((name) => {
      const number = /^(\d+)\.png$/i.exec(name)?.[1]
      return number === undefined ? [] : [[Number(number), name] as const]
    }),
  )
}

/** Reads only as much of a PNG as states its size. */
async function sizeOf(path: string): Promise<{ width: number; height: number }> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(24), 0, 24)
    return pngSize(buffer.subarray(0, bytesRead), path)
  } finally {
    await file.close()
  }
}

/** Finds a split's images and draws the masks of the defective ones, which takes a byte a pixel of memory. */
export async function scanPublic(
  { clean, defects }: { clean: string; defects: string },
  classId: number,
  split: Split,
  seed: number,
): Promise<Scan> {
  const labels = join(defects, (await listFolder(defects))!.get('labels.txt')!)
  const ellipses = parseEllipses(await readFile(labels, 'utf8'), labels)
  const [cleanFiles, defectFiles] = [await numbered(clean), await numbered(defects)]
  const belongs = (kind: 'clean' | 'defective', numbers: Iterable<number>) => {
    const present = new Set(numbers)
    return publicNumbers(kind, split, seed, Math.max(0, ...present)).filter((number) => present.has(number))
  }

  const scan: Scan = {
    layout: 'public',
    classId,
    split,
    folder: clean,
    samples: [],
    missingImages: [],
    missingMasks: [],
  }
  for (const number of belongs('clean', cleanFiles.keys())) {
    const file = cleanFiles.get(number)!
    scan.samples.push({ image: join(clean, file), mask: null, defective: false, name: `Class${classId}/${file}` })
  }
  for (const number of belongs('defective', [...defectFiles.keys(), ...ellipses.keys()])) {
    const file = defectFiles.get(number)
    const drawn = ellipses.get(number)
    if (file === undefined) scan.missingImages.push({ name: `${number}.png`, defective: true })
    else if (drawn === undefined) scan.missingMasks.push(file)
    else {
      const image = join(defects, file)
      const { width, height } = await sizeOf(image)
      const mask = drawEllipses(drawn, width, height)
      scan.samples.push({ image, mask, defective: true, name: `Class${classId}_def/${file}`, ellipses: drawn })
    }
  }
  return scan
}
