import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { encodePng } from '@unet-industrial/dagm-dataset'
import { decode, encode } from 'fast-png'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selectBackend } from '../../src/backends'
import type { Prediction } from '../../src/commands/predict'
import { padReflect } from '../../src/prediction/pad'
import { loadModel } from '../../src/training/checkpoint'
import { locate } from '../../src/training/run-folder'
import { run, succeed, temporaryFolder } from '../command-line'

const room = temporaryFolder()
afterAll(() => rmSync(room, { recursive: true, force: true }))

const raster = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height }, (_, i) => (i * 37) % 256),
})
const predictions = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line): Prediction => JSON.parse(line))

beforeAll(async () => {
  await succeed(
    'train --dataset-name synthetic --image-size 16 --synthetic-defective 1 --batch-size 1 --iter-unit batch --num-iter 1 --run-name made',
    room,
  )
  for (const folder of ['some', 'some/deep']) mkdirSync(join(room, folder))
  writeFileSync(join(room, 'some/a.png'), encodePng(raster(32, 32)))
  writeFileSync(join(room, 'some/b.png'), encodePng(raster(32, 32)))
  writeFileSync(join(room, 'some/deep/a.png'), encodePng(raster(20, 10)))
})

test('prints a line of JSON an image and writes its pictures, in the order of the images', async () => {
  const { stdout, stderr } = await succeed('predict some --threshold 0', room)
  const [a, b, deep] = predictions(stdout)
  expect([a, b, deep].map((line) => line!.image)).toEqual(['some/a.png', 'some/b.png', 'some/deep/a.png'])
  // No probability is 0, so that all of the image is one blob.
  expect(a).toMatchObject({
    defective: true,
    areaPixels: 1024,
    areaFraction: 1,
    blobs: [{ x: 0, y: 0, width: 32, height: 32, area: 1024, score: a!.defectProbability }],
  })
  expect(b).toEqual({ ...a, image: 'some/b.png' })
  expect(deep).toMatchObject({ areaPixels: 200, areaFraction: 1 })
  expect(stderr.match(/mirrored up to sides divisible by 16, here 32x16/g)).toHaveLength(1)
  for (const stem of ['a', 'b', 'deep/a'])
    for (const kind of ['probability', 'overlay']) {
      const { width, height } = decode(readFileSync(join(room, `predictions/${stem}-${kind}.png`)))
      expect([width, height]).toEqual(stem === 'deep/a' ? [20, 10] : [32, 32])
    }
})

test('finds nothing where no probability is above the threshold', async () => {
  const { stdout } = await succeed('predict some/a.png --threshold 1 --output-dir none', room)
  expect(predictions(stdout)[0]).toMatchObject({ defective: false, areaPixels: 0, areaFraction: 0, blobs: [] })
})

test("gives the model's probabilities for the padded, normalised image", async () => {
  await selectBackend('cpu', 'inference')
  const { model } = await loadModel(locate(join(room, 'runs'), 'made').checkpoint)
  const image = padReflect(raster(20, 10), 32, 16).map((grey) => grey / 127.5 - 1)
  const probability = tf.tidy(() => model.predict(tf.tensor4d(image, [1, 16, 32, 1])).dataSync())
  const wanted = Math.max(...Array.from({ length: 200 }, (_, i) => probability[Math.floor(i / 20) * 32 + (i % 20)]!))
  model.dispose()
  const { stdout } = await succeed('predict some/deep/a.png --backend cpu --checkpoint runs/made', room)
  expect(predictions(stdout)[0]!.defectProbability).toBeCloseTo(wanted, 6)
})

test('takes RGB and 16-bit images as grey', async () => {
  const rgb = Uint8Array.from(raster(32, 32).data).reduce<number[]>((all, grey) => all.concat(grey, grey, grey), [])
  const deep = Uint16Array.from(raster(32, 32).data, (grey) => grey * 257)
  writeFileSync(join(room, 'rgb.png'), encode({ width: 32, height: 32, data: Uint8Array.from(rgb), channels: 3 }))
  writeFileSync(join(room, 'deep.png'), encode({ width: 32, height: 32, data: deep, channels: 1, depth: 16 }))
  const { stdout } = await succeed('predict some/a.png rgb.png deep.png', room)
  const [a, ...others] = predictions(stdout)
  for (const other of others) expect(other.defectProbability).toBe(a!.defectProbability)
})

test('an image that cannot be read is named, the others are done, and the exit code says so', async () => {
  mkdirSync(join(room, 'broken'))
  writeFileSync(join(room, 'broken/1.png'), encodePng(raster(32, 32)).slice(0, 200))
  writeFileSync(join(room, 'broken/2.png'), 'no picture')
  writeFileSync(join(room, 'broken/3.png'), encodePng(raster(32, 32)))
  const { code, stdout, stderr } = await run('predict broken --output-dir out', room)
  expect(code).toBe(1)
  expect(predictions(stdout).map(({ image }) => image)).toEqual(['broken/3.png'])
  expect(existsSync(join(room, 'out/3-overlay.png'))).toBe(true)
  const lines = stderr.trimEnd().split('\n').slice(1)
  expect(lines).toEqual([
    expect.stringMatching(/^unet-industrial: broken\/1.png: truncated or damaged PNG/),
    expect.stringMatching(/^unet-industrial: broken\/2.png: not a PNG/),
    'unet-industrial: 2 of 3 images could not be used, see above',
  ])
})

test.each([
  ['predict nowhere.png', 1, /nowhere\.png: no such file, folder, or match of this pattern/],
  ['predict some --checkpoint other', 1, /found no run or checkpoint other/],
  ['predict some/a.png --output-dir some/b.png', 1, /cannot write some\/b\.png.*choose another --output-dir/],
  ['predict some --threshold 2', 2, /--threshold: got "2", expected a number from 0 to 1/],
  ['predict', 2, /images/],
])('%s: one line and exit code %i', async (args, wanted, message) => {
  const { code, stderr, stdout } = await run(args, room)
  expect([code, stdout]).toEqual([wanted, ''])
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('unet-industrial:'))
  expect(lines).toEqual([expect.stringMatching(message)])
  expect(stderr).not.toMatch(/^ {4}at /m)
})
