import { decode } from 'fast-png'
import { expect, test } from 'vitest'
import { samplePictures } from '../../src/report/pictures'
import { grey, grid } from '../../src/report/raster'

const sample = {
  height: 2,
  width: 3,
  image: [-1, 0, 1, -2, 2, 0.5],
  mask: [0, 0, 1, 0, 0, 1],
  probability: [0, 0.5, 0.75, 0.76, 0, 1],
  thresholds: [0.25, 0.75],
}
const pictures = Object.fromEntries(samplePictures(sample).map((picture) => [picture.name, picture]))
const pixels = (name: string) => Array.from(decode(pictures[name]!.png).data)

test('an image, its mask and its probability are grey PNGs of the same size', () => {
  expect(pixels('image')).toEqual([0, 128, 255, 0, 255, 191])
  expect(pixels('mask')).toEqual([0, 0, 255, 0, 0, 255])
  expect(pixels('probability')).toEqual([0, 128, 191, 194, 0, 255])
  expect(decode(pictures.image!.png)).toMatchObject({ width: 3, height: 2, channels: 1, depth: 8 })
})

test('binarised is strictly greater than the threshold', () => {
  expect(pixels('threshold_0.25')).toEqual([0, 255, 255, 255, 0, 255])
  expect(pixels('threshold_0.75')).toEqual([0, 0, 0, 255, 0, 255])
})

test('the overlay is the image where there is neither mask nor prediction, the mask in cyan and the prediction in orange', () => {
  const at = (pixel: number) => pixels('overlay').slice(3 * pixel, 3 * pixel + 3)
  expect(at(0)).toEqual([0, 0, 0])
  expect(at(2)).toEqual([0, 230, 255])
  expect(at(3)).toEqual([255, 96, 0])
})

test('the sheet holds all others, small ones enlarged by a whole factor', () => {
  const { width, height } = pictures.sheet!
  expect(Object.keys(pictures)).toEqual([
    'image',
    'mask',
    'overlay',
    'probability',
    'threshold_0.25',
    'threshold_0.75',
    'sheet',
  ])
  expect([width, height]).toEqual([4 * (3 * 96 + 4) + 4, 2 * (2 * 96 + 4) + 4])
})

test('other normalisations have their own black and white', () => {
  expect([...grey([0, 0.5, 1], 3, 1, [0, 1]).data]).toEqual([0, 128, 255])
  expect([...grey([0, 51, 255], 3, 1, [0, 255]).data]).toEqual([0, 51, 255])
})

test('a grid puts tiles of different sizes side by side', () => {
  const [small, large] = [
    grey(Array(200 * 200).fill(1), 200, 200, [0, 1]),
    grey(Array(300 * 220).fill(0), 300, 220, [0, 1]),
  ]
  const sheet = grid([small, large], 4)
  expect([sheet.width, sheet.height]).toEqual([2 * 304 + 4, 228])
  const at = (x: number, y: number) => sheet.data[3 * (y * sheet.width + x)]
  expect([at(0, 0), at(4, 4), at(203, 203), at(204, 204), at(308, 4), at(607, 223)]).toEqual([128, 255, 255, 128, 0, 0])
})
