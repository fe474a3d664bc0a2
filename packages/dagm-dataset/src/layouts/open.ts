import type { OnWarning, Sample, Split } from '../types'
import { scanCompetition } from './competition'
import { findClass } from './find'
import { scanPublic } from './public'
import { type Scan, shortfall } from './scan'

export interface OpenOptions {
  /** 1..10 (competition layout), 1..6 (public layout). */
  classId: number
  split: Split
  /** Makes everything that would be a warning an error: then the official set must be complete. */
  strict?: boolean
  /** Hears of an incomplete set; default `console.warn`. */
  onWarning?: OnWarning
  /** Draws the halves of the public layout, which has no official split; default 0. */
  splitSeed?: number
}

/** Finds one split of one class, in either layout. */
export async function scanSplit(dataDir: string, classId: number, split: Split, splitSeed = 0): Promise<Scan> {
  const found = await findClass(dataDir, classId)
  return found.layout === 'competition'
    ? scanCompetition(found.folder, classId, split)
    : scanPublic(found, classId, split, splitSeed)
}

/**
 * The samples of one split of one class of DAGM 2007, in the order of their numbers; the images stay on disk.
 *
 * The layout is detected: the competition's (ClassN/Train, ClassN/Test), also where an archive unpacked to ClassN/ClassN,
 * or the public one (ClassN and ClassN_def). What is listed but not there is left out with a warning that counts it.
 *
 * @param dataDir the folder that holds Class1 and so on; also DAGM_KaggleUpload, raw_images/private or raw_images/public
 * @throws where there is no such class, a label file is malformed, nothing is left, or with `strict` anything is missing
 */
export async function openDagm(dataDir: string, options: OpenOptions): Promise<Sample[]> {
  const { classId, split, strict = false, onWarning = console.warn, splitSeed } = options
  if (split !== 'train' && split !== 'test') throw new Error(`got the split "${split}", expected train or test`)
  const scan = await scanSplit(dataDir, classId, split, splitSeed)
  if (scan.samples.length === 0)
    throw new Error(
      `${scan.folder}: no image of Class${classId} ${split} is there; download the set or name its folder`,
    )
  const lacking = shortfall(scan)
  if (lacking && strict) throw new Error(`${lacking}; complete it, or open it without strict`)
  if (lacking) onWarning(lacking)
  return scan.samples
}
