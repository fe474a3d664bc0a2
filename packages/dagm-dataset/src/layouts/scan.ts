import { officialCounts } from '../official'
import type { Layout, Sample, Split } from '../types'

/** What is on disk of one split of one class. */
export interface Scan {
  layout: Layout
  classId: number
  split: Split
  folder: string
  /** The images that are there, whole with their masks. */
  samples: Sample[]
  /** Listed by the set's label file, but not on disk; of them how many are defective. */
  missingImages: { name: string; defective: boolean }[]
  /** Defective images that are there without their mask, so they can't be used. */
  missingMasks: string[]
}

/** The one line that says what a scan lacks, or null where it is the complete official split. */
export function shortfall(scan: Scan): string | null {
  const official = officialCounts(scan.classId, scan.split, scan.layout)
  const images = scan.samples.length
  const defective = scan.samples.filter((sample) => sample.defective).length
  const { missingImages, missingMasks } = scan
  const counts = images === official.images && defective === official.defective
  if (counts && !missingImages.length && !missingMasks.length) return null
  const parts = [`${images} of ${official.images} images, ${defective} of ${official.defective} defective ones`]
  if (missingImages.length) parts.push(`${missingImages.length} listed images are not on disk`)
  if (missingMasks.length) parts.push(`${missingMasks.length} defective images have no mask (${few(missingMasks)})`)
  return `Class${scan.classId} ${scan.split} is not the complete official set: ${parts.join('; ')} (${scan.folder})`
}

const few = (names: string[]) => names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '')
