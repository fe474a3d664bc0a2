import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { replaceFile } from '../files'
import type { Sample, Split } from '../types'
import { scanCompetition } from './competition'
import { findClass, listFolder } from './find'

/** The text of a list: a header, then image file, mask file (or nothing) and 1 or 0 for defective or clean. */
export const formatList = (samples: readonly Sample[]): string =>
  [
    'image_filepath,lbl_image_filepath,is_defective',
    ...samples.map(({ image, mask, defective }) => {
      const [imageName, maskName] = [image, mask].map((path) => (typeof path === 'string' ? basename(path) : ''))
      return `${imageName},${maskName},${Number(defective)}`
    }),
    '',
  ].join('\n')

/**
 * Writes ClassN/train_list.csv and ClassN/test_list.csv as the reference's preprocessing does, for the splits that are there.
 *
 * @returns the paths of the lists
 * @throws in the public layout, which has no mask files to list
 */
export async function writeLists(dataDir: string, { classId }: { classId: number }): Promise<string[]> {
  const found = await findClass(dataDir, classId)
  if (found.layout === 'public')
    throw new Error(`${found.clean}: the public layout has no mask files to list; expected the competition layout`)
  const names = (await listFolder(found.folder))!
  const paths: string[] = []
  for (const split of ['train', 'test'] satisfies Split[]) {
    if (!names.has(split)) continue
    const path = join(found.folder, `${split}_list.csv`)
    const { samples } = await scanCompetition(found.folder, classId, split)
    await replaceFile(path, (temporary) => writeFile(temporary, formatList(samples)))
    paths.push(path)
  }
  return paths
}
