import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { dagmDirectory, noDagm } from '@unet-internal/testing'
import { describe, expect, test } from 'vitest'
import { checkDagm, createDataset, decodePng, drawEllipses, officialCounts, openDagm, type Split } from '../src/index'
import { parseLabels } from '../src/layouts/competition'

const dir = dagmDirectory ?? ''
const table = (path: string) => {
  const [header, ...lines] = readFileSync(join(dir, path), 'utf8').trim().split(/\r?\n/)
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [header!.split(',')[i]!, value])))
}

describe.skipIf(!dagmDirectory)(`real DAGM images${noDagm}`, () => {
  const manifest = dagmDirectory ? table('manifest.csv') : []
  const kinds = new Set(manifest.map((row) => `${row.class}/${row.split}`))

  test.each([...kinds])('%s: list, bytes, pixels and masks are those of the manifest', async (kind) => {
    const [className, splitName] = kind.split('/') as [string, string]
    const [classId, split] = [Number(className.slice(5)), splitName.toLowerCase() as Split]
    const rows = manifest.filter((row) => `${row.class}/${row.split}` === kind && row.file)
    const warnings: string[] = []
    const samples = await openDagm(dir, { classId, split, onWarning: (text) => warnings.push(text) })
    expect(warnings).toHaveLength(1) // a subset

    const found = new Map(samples.map((sample) => [basename(sample.image as string), sample]))
    for (const row of rows) {
      const path = join(dir, className, splitName, row.file!)
      const bytes = await readFile(path)
      expect(createHash('sha256').update(bytes).digest('hex'), path).toBe(row.sha256)
      const sample = found.get(row.file!)
      if (row.defective === '1' && !row.mask) expect(sample, `${path} has no mask here`).toBeUndefined()
      else {
        expect(sample, path).toMatchObject({ image: path, defective: row.defective === '1' })
        expect(sample!.mask && basename(sample!.mask as string)).toBe(row.mask || null)
      }
    }
    expect(samples.length).toBe(rows.filter((row) => row.defective === '0' || row.mask).length)
  })

  test('every fifth image of class 8 is decoded to what it is, and every mask to 0 and 255', async () => {
    const samples = await openDagm(dir, { classId: 8, split: 'train', onWarning: () => {} })
    for (const { image, mask } of samples.filter((_, i) => i % 5 === 0)) {
      const picture = decodePng(await readFile(image as string))
      expect([picture.width, picture.height]).toEqual([512, 512])
      if (mask === null) continue
      const label = decodePng(await readFile(mask as string))
      expect([label.width, label.height]).toEqual([512, 512])
      expect(label.data.every((value) => value === 0 || value === 255)).toBe(true)
      expect(label.data.some((value) => value === 255)).toBe(true)
    }
  })

  test('the original Labels.txt of all classes have the official counts', () => {
    for (let classId = 1; classId <= 10; classId++)
      for (const split of ['train', 'test'] as const) {
        const folder = `labels_txt_original/Class${classId}/${split === 'train' ? 'Train' : 'Test'}`
        const file = readdirSync(join(dir, folder), { recursive: true }).find((name) =>
          /labels\.txt$/i.test(String(name)),
        )
        const rows = parseLabels(readFileSync(join(dir, folder, String(file)), 'utf8'), folder)
        const defective = rows.filter(({ mask }) => mask !== null).length
        expect({ images: rows.length, defective }, folder).toEqual(officialCounts(classId, split))
      }
  })

  test('the rule of the public ellipses gives the competition masks: all in size, those at hand to the pixel', async () => {
    const rows = table('labels_def/class1_def_to_competition.csv')
    expect(rows.length).toBe(21)
    let compared = 0
    for (const row of rows) {
      const [a, b, angle, x, y] = [row.semi_major, row.semi_minor, row.angle_rad, row.x, row.y].map(Number)
      const drawn = drawEllipses([{ a: a!, b: b!, angle: angle!, x: x!, y: y! }], 512, 512)
      expect(drawn.data.filter((value) => value === 255).length, `ellipse ${row.def_n}`).toBe(Number(row.mask_pixels))
      const mask = await maskFile(row.split!, row.competition_n!)
      if (!mask) continue
      expect(Buffer.compare(decodePng(mask).data, drawn.data), `mask ${row.competition_n}`).toBe(0)
      compared++
    }
    expect(compared).toBeGreaterThan(0)
  })

  const maskFile = (split: string, number: string) =>
    readFile(join(dir, `Class1/${split}/Label/${number}_label.PNG`)).catch(() => null)

  test('class 8 is complete in its defective training images, and checkDagm says what is missing', async () => {
    const [train] = await checkDagm(dir, { classIds: [8] })
    expect(train).toMatchObject({ images: 225, defective: 150, missingImages: 925, missingMasks: 0, complete: false })
  })

  test('batches of the reference recipe: 150 images of 512x512, 75 MB cached', async () => {
    const samples = await openDagm(dir, { classId: 8, split: 'train', onWarning: () => {} })
    let said = 0
    const dataset = await createDataset(samples, {
      batchSize: 2,
      defectiveOnly: true,
      shuffle: true,
      repeat: true,
      augment: true,
      onCache: ({ bytes }) => {
        said = bytes
      },
    })
    expect([said, dataset.cacheBytes, dataset.size]).toEqual([150 * 2 * 512 * 512, said, 150])
    for await (const batch of dataset) {
      expect(batch.image.shape).toEqual([2, 512, 512, 1])
      const values = batch.image.dataSync()
      expect(values.every((value) => value >= -1 && value <= 1)).toBe(true)
      expect(batch.mask.dataSync().every((value) => value === 0 || value === 1)).toBe(true)
      batch.dispose()
      break
    }
    dataset.dispose()
  })
})
