import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { findBlobs } from '../../src/prediction/blobs'
import { findInputs } from '../../src/prediction/inputs'
import { crop, padReflect, roundUp } from '../../src/prediction/pad'

/** Rows of digits as tenths. */
const plane = (...rows: string[]) => Float32Array.from(rows.join(''), (digit) => Number(digit) / 10)

describe('blobs', () => {
  test('are joined by sides and corners, boxed, and scored by their highest probability; largest first', () => {
    const probability = plane('900000', '090060', '008066', '000000', '700000')
    expect(findBlobs(probability, 6, 5, 0.55)).toEqual([
      { x: 0, y: 0, width: 3, height: 3, area: 3, score: Math.fround(0.9) },
      { x: 4, y: 1, width: 2, height: 2, area: 3, score: Math.fround(0.6) },
      { x: 0, y: 4, width: 1, height: 1, area: 1, score: Math.fround(0.7) },
    ])
  })

  test('at the threshold itself there is none', () => {
    expect(findBlobs(Float32Array.of(0.5), 1, 1, 0.5)).toEqual([])
  })

  test('hold every pixel above the threshold once, within their boxes', () => {
    const pictures = fc.integer({ min: 1, max: 12 }).chain((width) =>
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: width, maxLength: 12 * width }).map((digits) => {
        const height = Math.floor(digits.length / width)
        return { width, height, data: Float32Array.from(digits.slice(0, width * height), (digit) => digit / 10) }
      }),
    )
    fc.assert(
      fc.property(pictures, ({ width, height, data }) => {
        const blobs = findBlobs(data, width, height, 0.45)
        expect(blobs.reduce((sum, { area }) => sum + area, 0)).toBe(data.filter((p) => p > 0.45).length)
        for (const blob of blobs) {
          expect(blob.area).toBeLessThanOrEqual(blob.width * blob.height)
          expect(blob.area).toBeGreaterThanOrEqual(Math.max(blob.width, blob.height))
          expect(blob.x + blob.width).toBeLessThanOrEqual(width)
          expect(blob.y + blob.height).toBeLessThanOrEqual(height)
        }
      }),
    )
  })

  test('may be as large as an image', () => {
    expect(findBlobs(new Float32Array(1 << 20).fill(1), 1024, 1024, 0.5)[0]!.area).toBe(1 << 20)
  })
})

describe('padding', () => {
  test('mirrors about the last row and column, again and again where the image is small', () => {
    const padded = padReflect({ width: 3, height: 2, data: [1, 2, 3, 4, 5, 6] }, 8, 4)
    expect([...padded]).toEqual(
      [
        [1, 2, 3, 2, 1, 2, 3, 2],
        [4, 5, 6, 5, 4, 5, 6, 5],
        [1, 2, 3, 2, 1, 2, 3, 2],
        [4, 5, 6, 5, 4, 5, 6, 5],
      ].flat(),
    )
    expect([...padReflect({ width: 1, height: 1, data: [7] }, 2, 2)]).toEqual([7, 7, 7, 7])
  })

  test('cropping undoes it', () => {
    const sizes = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(sizes, sizes, (width, height) => {
        const data = Float32Array.from({ length: width * height }, (_, i) => i)
        const padded = padReflect({ width, height, data }, roundUp(width, 16), roundUp(height, 16))
        expect(crop(padded, roundUp(width, 16), width, height)).toEqual(data)
      }),
    )
  })
})

describe('inputs', () => {
  const room = mkdtempSync(join(tmpdir(), 'unet-inputs-'))
  afterAll(() => rmSync(room, { recursive: true, force: true }))
  const out = join(room, 'out')
  for (const path of ['a/1.png', 'a/2.PNG', 'a/deep/1.png', 'b/1.png', 'b/notes.txt', 'out/old.png', 'empty/x.txt']) {
    mkdirSync(join(room, path, '..'), { recursive: true })
    writeFileSync(join(room, path), '')
  }
  const stems = async (...names: string[]) =>
    (
      await findInputs(
        names.map((name) => join(room, name)),
        out,
      )
    ).map(({ stem }) => stem)

  test('are files, folders and globs, each image once, with stems that keep them apart', async () => {
    expect(await stems('a')).toEqual(['1', '2', 'deep/1'].map((stem) => join(stem)))
    expect(await stems('a', 'b')).toEqual(['a/1', 'a/2', 'a/deep/1', 'b/1'].map((stem) => join(stem)))
    expect(await stems('*/1.png', 'a/1.png')).toEqual([join('a/1'), join('b/1')])
    expect(await stems('b/1.png')).toEqual(['1'])
  })

  test('leave out what an earlier run wrote', async () => {
    expect((await stems('.')).join()).not.toContain('old')
  })

  test('that are not there are named', async () => {
    await expect(stems('empty')).rejects.toThrow(/empty: no PNG image in this folder/)
    await expect(stems('nowhere.png')).rejects.toThrow(/nowhere.png: no such file, folder, or match/)
  })
})
