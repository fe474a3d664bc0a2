import { readBytes } from '../files'
import { type Counts, officialCounts } from '../official'
import { decodePng } from '../raster/png'
import type { Layout, Sample, Split } from '../types'
import { scanSplit } from './open'
import { type Scan, shortfall } from './scan'

/** What is there of one split of one class, against the official numbers. */
export interface SplitReport extends Counts {
  classId: number
  split: Split
  /** Null where the split can't be read at all. */
  layout: Layout | null
  folder: string | null
  official: Counts
  /** How many images the label file lists that are not on disk. */
  missingImages: number
  /** How many defective images are there without their mask. */
  missingMasks: number
  /** All official images are there, and whole as far as `decode` looked. */
  complete: boolean
  /** What is wrong, one line each. */
  problems: string[]
}

export interface CheckOptions {
  /** Default all ten. */
  classIds?: readonly number[]
  /** Decodes every image and mask too (about 5 ms an image of 512x512); default false. */
  decode?: boolean
  /** As for `openDagm`. */
  splitSeed?: number
}

/** Counts what is there of each class and split, and compares it with the official numbers. */
export async function checkDagm(dataDir: string, options: CheckOptions = {}): Promise<SplitReport[]> {
  const { classIds = Array.from({ length: 10 }, (_, i) => i + 1), decode = false, splitSeed } = options
  const reports: SplitReport[] = []
  for (const classId of classIds)
    for (const split of ['train', 'test'] as const) {
      const official = officialCounts(classId, split)
      try {
        reports.push(await report(await scanSplit(dataDir, classId, split, splitSeed), decode))
      } catch (error) {
        const problems = [error instanceof Error ? error.message : String(error)]
        const nothing = { images: 0, defective: 0, missingImages: 0, missingMasks: 0, complete: false }
        reports.push({ classId, split, layout: null, folder: null, official, ...nothing, problems })
      }
    }
  return reports
}

async function report(scan: Scan, decode: boolean): Promise<SplitReport> {
  const { classId, split, layout, folder, samples } = scan
  const problems = [shortfall(scan)]
  if (decode) for (const sample of samples) problems.push(await damage(sample))
  const found = problems.filter((line) => line !== null)
  return {
    classId,
    split,
    layout,
    folder,
    images: samples.length,
    defective: samples.filter((sample) => sample.defective).length,
    official: officialCounts(classId, split, layout),
    missingImages: scan.missingImages.length,
    missingMasks: scan.missingMasks.length,
    complete: found.length === 0,
    problems: found,
  }
}

/** What is wrong with a sample's files, or null. */
async function damage({ image, mask }: Sample): Promise<string | null> {
  try {
    const [picture, label] = [await decoded(image), mask && (await decoded(mask))]
    if (label && (label.width !== picture.width || label.height !== picture.height))
      return `${mask}: got ${label.width}x${label.height}, expected the ${picture.width}x${picture.height} of its image`
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const decoded = async (image: Sample['image']) =>
  typeof image === 'string' ? decodePng(await readBytes(image), image) : image
