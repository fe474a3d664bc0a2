import { copyFile, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkDagm, officialCounts, openDagm, synthesize, writeDagm, writeLists } from '../src/index'
import { decodePng } from '../src/raster/png'
import { messageOf, temporaryFolders } from './helpers'

const folder = temporaryFolders()
const silent = { onWarning: () => {} }
const set = (seed = 1, classId = 1) => synthesize({ classId, size: 16, clean: 2, defective: 3, seed })

/** A folder with both splits of a small set. */
async function written(layout: 'competition' | 'public', classId = 1) {
  const dir = await folder()
  for (const [split, seed] of [
    ['train', 1],
    ['test', 2],
  ] as const)
    await writeDagm(set(seed, classId), dir, { layout, classId, split })
  return dir
}

/** The pixels of opened samples, sorted by content, so that sets compare whatever their order. */
async function pixels(samples: Awaited<ReturnType<typeof openDagm>>) {
  const load = async (image: (typeof samples)[0]['mask']) =>
    image === null ? null : typeof image === 'string' ? decodePng(await readFile(image)) : image
  const all = await Promise.all(
    samples.map(async ({ image, mask }) => ({ image: await load(image), mask: await load(mask) })),
  )
  return all.map(({ image, mask }) => `${image?.data.join()} ${mask?.data.join()}`).sort()
}

describe.each(['competition', 'public'] as const)('the %s layout', (layout) => {
  test('gives back what was written, each split its own, masks to the pixel', async () => {
    const dir = await written(layout)
    expect(await pixels(await openDagm(dir, { classId: 1, split: 'train', ...silent }))).toEqual(await pixels(set(1)))
    expect(await pixels(await openDagm(dir, { classId: 1, split: 'test', ...silent }))).toEqual(await pixels(set(2)))
  })
  test('warns of a subset, and with strict refuses it', async () => {
    const dir = await written(layout)
    const warnings: string[] = []
    await openDagm(dir, { classId: 1, split: 'train', onWarning: (text) => warnings.push(text) })
    const official = officialCounts(1, 'train', layout)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`5 of ${official.images} images, 3 of ${official.defective} defective ones`)
    const message = await messageOf(openDagm(dir, { classId: 1, split: 'train', strict: true }))
    expect(message).toBe(`${warnings[0]}; complete it, or open it without strict`)
  })
  test('is found under doubled folders, and beside stray files', async () => {
    const dir = await written(layout)
    for (const name of layout === 'public' ? ['Class1', 'Class1_def'] : ['Class1']) {
      await rename(join(dir, name), join(dir, 'held'))
      await mkdir(join(dir, name))
      await rename(join(dir, 'held'), join(dir, name, name))
      await writeFile(join(dir, name, name, 'Thumbs.db'), 'x')
      await writeFile(join(dir, name, 'Thumbs.db'), 'x')
    }
    expect(await openDagm(dir, { classId: 1, split: 'test', ...silent })).toHaveLength(5)
  })
  test('never overwrites images', async () => {
    const dir = await written(layout)
    const message = await messageOf(writeDagm(set(3), dir, { layout, classId: 1, split: 'train' }))
    expect(message).toContain('images of this split are there already; remove them or name another folder')
  })
})

describe('the competition layout', () => {
  test.each([
    [1, 'train', '0576'],
    [1, 'test', '0001'],
    [7, 'train', '1151'],
    [10, 'test', '0001'],
  ] as const)('class %i %s is numbered from %s on', async (classId, split, first) => {
    const dir = await written('competition', classId)
    const samples = await openDagm(dir, { classId, split, ...silent })
    expect(samples[0]!.name).toBe(`Class${classId}/${split === 'train' ? 'Train' : 'Test'}/${first}.PNG`)
  })
  test.each(['DAGM_KaggleUpload', 'raw_images/private'])('is found in %s', async (deep) => {
    const [dir, source] = [await folder(), await written('competition')]
    await mkdir(join(dir, deep), { recursive: true })
    await rename(join(source, 'Class1'), join(dir, deep, 'Class1'))
    expect(await openDagm(dir, { classId: 1, split: 'test', ...silent })).toHaveLength(5)
  })
  test('is found when the class folder itself is named, and whatever the case of names', async () => {
    const dir = await written('competition')
    await rename(join(dir, 'Class1/Train'), join(dir, 'Class1/TRAIN'))
    await rename(join(dir, 'Class1/TRAIN/0576.PNG'), join(dir, 'Class1/TRAIN/0576.png'))
    expect(await openDagm(join(dir, 'Class1'), { classId: 1, split: 'train', ...silent })).toHaveLength(5)
  })
  test('leaves out and counts what is listed but missing', async () => {
    const dir = await written('competition')
    const train = join(dir, 'Class1/Train')
    await unlink(join(train, '0577.PNG'))
    await unlink(join(train, 'Label/0578_label.PNG'))
    const warnings: string[] = []
    const samples = await openDagm(dir, { classId: 1, split: 'train', onWarning: (text) => warnings.push(text) })
    expect(samples.map(({ name }) => name.slice(-8))).toEqual(['0576.PNG', '0579.PNG', '0580.PNG'])
    expect(warnings[0]).toContain(
      '3 of 575 images, 1 of 79 defective ones; 1 listed images are not on disk; 1 defective',
    )
    expect(warnings[0]).toContain('have no mask (0578.PNG)')
  })
  test('lists are written as the reference writes them', async () => {
    const dir = await written('competition')
    const paths = await writeLists(dir, { classId: 1 })
    expect(paths).toEqual([join(dir, 'Class1/train_list.csv'), join(dir, 'Class1/test_list.csv')])
    expect(await readFile(paths[0]!, 'utf8')).toBe(
      'image_filepath,lbl_image_filepath,is_defective\n' +
        '0576.PNG,0576_label.PNG,1\n0577.PNG,0577_label.PNG,1\n0578.PNG,0578_label.PNG,1\n0579.PNG,,0\n0580.PNG,,0\n',
    )
  })
  test('copies images that are files', async () => {
    const [dir, source] = [await folder(), await written('public')]
    const samples = await openDagm(source, { classId: 1, split: 'train', ...silent })
    await writeDagm(samples, dir, { layout: 'competition', classId: 2, split: 'test' })
    expect(await pixels(await openDagm(dir, { classId: 2, split: 'test', ...silent }))).toEqual(await pixels(samples))
  })
})

describe('the public layout', () => {
  test('keeps an image in its split when others are missing', async () => {
    const dir = await written('public')
    const before = await openDagm(dir, { classId: 1, split: 'train', ...silent })
    await unlink(before[0]!.image as string)
    const after = await openDagm(dir, { classId: 1, split: 'train', ...silent })
    expect(after.map(({ name }) => name)).toEqual(before.slice(1).map(({ name }) => name))
  })
  test('counts missing images and ellipses', async () => {
    const dir = await written('public')
    const [, first, second] = (await openDagm(dir, { classId: 1, split: 'train', ...silent })).filter(
      (s) => s.defective,
    )
    await unlink(first!.image as string)
    const labels = join(dir, 'Class1_def/labels.txt')
    const number = /(\d+)\.png/.exec(second!.name)![1]
    const lines = (await readFile(labels, 'utf8')).split('\r\n').filter((line) => !line.startsWith(`${number}\t`))
    await writeFile(labels, lines.join('\n'))
    const warnings: string[] = []
    await openDagm(dir, { classId: 1, split: 'train', onWarning: (text) => warnings.push(text) })
    expect(warnings[0]).toContain(`1 listed images are not on disk; 1 defective images have no mask (${number}.png)`)
  })
  test('has no lists, no classes above 6, and needs ellipses', async () => {
    const dir = await written('public')
    expect(await messageOf(writeLists(dir, { classId: 1 }))).toContain('the public layout has no mask files to list')
    const where = { layout: 'public', classId: 7, split: 'train' } as const
    expect(await messageOf(writeDagm(set(), dir, where))).toContain("class 7 is not in DAGM 2007's public set")
    const bare = set().map(({ ellipses: _, ...sample }) => sample)
    const message = await messageOf(writeDagm(bare, await folder(), { ...where, classId: 1 }))
    expect(message).toContain('no ellipses, which is how the public layout keeps defects; write the competition layout')
  })
})

describe('what is wrong is named', () => {
  const open = (dir: string, classId = 1, split: 'train' | 'test' = 'train') =>
    messageOf(openDagm(dir, { classId, split, ...silent }))
  test('class 11', async () => {
    expect(await open(await folder(), 11)).toBe(
      "class 11 is not in DAGM 2007's competition set; expected a whole number from 1 to 10",
    )
  })
  test('a folder that is not there, an empty one, one without the class', async () => {
    const dir = await folder()
    expect(await open(join(dir, 'none'))).toBe(`${dir}/none: no such folder; expected the one that holds Class1`)
    expect(await open(dir)).toContain(`${dir}: no Class1 in it, which has nothing; expected Class1/Train and /Test`)
    expect(await open(await written('competition', 3))).toContain('no Class1 in it, which has Class3; expected')
  })
  test('a split that is not there, no list, no image', async () => {
    const dir = await written('competition')
    await rm(join(dir, 'Class1/Test'), { recursive: true })
    expect(await open(dir, 1, 'test')).toContain('no Test folder in it; expected Test/Label/Labels.txt')
    const train = join(dir, 'Class1/Train')
    for (const n of [576, 577, 578, 579, 580]) await unlink(join(train, `0${n}.PNG`))
    expect(await open(dir)).toContain('no image of Class1 train is there; download the set or name its folder')
    await unlink(join(train, 'Label/Labels.txt'))
    expect(await open(dir)).toBe(`${train}/Label/Labels.txt: no such file; expected the list of images`)
  })
})

describe('checkDagm', () => {
  test('reports each class and split against the official numbers', async () => {
    const dir = await written('competition')
    const reports = await checkDagm(dir)
    expect(reports).toHaveLength(20)
    expect(reports[0]).toMatchObject({
      classId: 1,
      split: 'train',
      layout: 'competition',
      images: 5,
      defective: 3,
      official: { images: 575, defective: 79 },
      missingImages: 0,
      missingMasks: 0,
      complete: false,
    })
    expect(reports[2]).toMatchObject({ classId: 2, split: 'train', layout: null, images: 0, complete: false })
    expect(reports[2]!.problems[0]).toContain('no Class2 in it')
  })
  test('is content with a complete set', async () => {
    const dir = await folder()
    const [clean] = synthesize({ size: 8, clean: 1, defective: 0, seed: 1 })
    const [defective] = synthesize({ size: 8, clean: 0, defective: 1, seed: 1 })
    const { images, defective: count } = officialCounts(1, 'train')
    const samples = Array.from({ length: images }, (_, i) => (i < count ? defective! : clean!))
    await writeDagm(samples, dir, { layout: 'competition', classId: 1, split: 'train' })
    const [report] = await checkDagm(dir, { classIds: [1], decode: true })
    expect(report).toMatchObject({ images: 575, defective: 79, complete: true, problems: [] })
    expect(await openDagm(dir, { classId: 1, split: 'train', strict: true })).toHaveLength(575)
  })
  test('finds damaged files and masks of another size when it decodes', async () => {
    const dir = await written('competition')
    const train = join(dir, 'Class1/Train')
    const bytes = await readFile(join(train, '0576.PNG'))
    await writeFile(join(train, '0576.PNG'), bytes.subarray(0, bytes.length / 2))
    const other = await folder()
    const [large] = synthesize({ size: 32, clean: 0, defective: 1, seed: 1 })
    await writeDagm([large!], other, { layout: 'competition', classId: 1, split: 'train' })
    await copyFile(join(other, 'Class1/Train/Label/0576_label.PNG'), join(train, 'Label/0577_label.PNG'))
    const [report] = await checkDagm(dir, { classIds: [1], decode: true })
    expect(report!.problems).toHaveLength(3)
    expect(report!.problems[1]).toMatch(/0576\.PNG: truncated or damaged PNG/)
    expect(report!.problems[2]).toMatch(/0577_label\.PNG: got 32x32, expected the 16x16 of its image/)
  })
})
