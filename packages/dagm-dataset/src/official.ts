import type { Layout, Split } from './types'

/** How many images a split has, and how many of them are defective. */
export interface Counts {
  images: number
  defective: number
}

const competitionDefective: Record<Split, readonly number[]> = {
  train: [79, 66, 66, 82, 70, 83, 150, 150, 150, 150],
  test: [71, 84, 84, 68, 80, 67, 150, 150, 150, 150],
}

/** The public set has, for each of its classes 1 to 6, so many clean and so many defective images, and no split. */
export const publicCounts = { clean: 1000, defective: 150 } as const

/** Throws where DAGM 2007 has no such class. */
export function checkClassId(classId: number, layout: Layout = 'competition'): void {
  const last = layout === 'competition' ? 10 : 6
  if (!(Number.isInteger(classId) && classId >= 1 && classId <= last))
    throw new Error(`class ${classId} is not in DAGM 2007's ${layout} set; expected a whole number from 1 to ${last}`)
}

/**
 * What the complete set has.
 *
 * In the `public` layout, which has no official split, these are the halves that `openDagm` makes.
 */
export function officialCounts(classId: number, split: Split, layout: Layout = 'competition'): Counts {
  checkClassId(classId, layout)
  if (layout === 'public')
    return { images: (publicCounts.clean + publicCounts.defective) / 2, defective: publicCounts.defective / 2 }
  return { images: classId <= 6 ? 575 : 1150, defective: competitionDefective[split][classId - 1]! }
}

/** The number of a split's first image in the competition set: images are numbered through, test before train. */
export const firstNumber = (classId: number, split: Split) =>
  split === 'test' ? 1 : officialCounts(classId, 'test').images + 1
