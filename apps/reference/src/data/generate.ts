import { type Split, synthesize, writeDagm } from '@unet-industrial/dagm-dataset'
import type { Request } from '../options/parse'

/** Draws a synthetic set and writes it as DAGM's: both splits, from different seeds, unless one is named. */
export async function generateData(dataDir: string, { options, given }: Request): Promise<void> {
  const { classId, layout, clean, defective, imageSize: size = 512, seed, syntheticDifficulty: difficulty } = options
  const splits: Split[] = given.split ? [given.split] : ['train', 'test']
  for (const split of splits) {
    const samples = synthesize({
      classId,
      size,
      clean,
      defective,
      seed: split === 'train' ? seed : seed + 1,
      difficulty,
    })
    await writeDagm(samples, dataDir, { layout, classId, split })
    console.log(
      `${dataDir}: class ${classId}, ${split}: wrote ${defective} defective and ${clean} clean images of ${size}x${size}`,
    )
  }
}
