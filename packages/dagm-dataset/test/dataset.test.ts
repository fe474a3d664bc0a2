import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { encode } from 'fast-png'
import { describe, expect, test } from 'vitest'
import { createDataset, type Dataset, type DatasetOptions, encodePng, type Raster, type Sample } from '../src/index'
import { messageOf, randomRaster, randomSamples, temporaryFolders } from './helpers'

const folder = temporaryFolders()
const training = { shuffle: true, repeat: true, augment: true } as const

/** What a batch holds, as plain values; the batch is disposed of. */
interface Seen {
  names: string[]
  image: number[]
  mask: number[]
}

/** The next so many batches, or all of the pass. */
async function take(dataset: Dataset, count = Number.POSITIVE_INFINITY): Promise<Seen[]> {
  const seen: Seen[] = []
  if (count > 0)
    for await (const batch of dataset) {
      const names = batch.samples.map(({ name }) => name)
      seen.push({ names, image: Array.from(batch.image.dataSync()), mask: Array.from(batch.mask.dataSync()) })
      batch.dispose()
      if (seen.length >= count) break
    }
  return seen
}
const names = (seen: Seen[]) => seen.flatMap((batch) => batch.names)
const sizes = (seen: Seen[]) => seen.map((batch) => batch.names.length)

describe('batches', () => {
  test('have image and mask as float32 [n, h, w, 1], normalised', async () => {
    const image: Raster = { width: 2, height: 1, data: Uint8Array.of(0, 255) }
    const mask: Raster = { width: 2, height: 1, data: Uint8Array.of(0, 1) } // anything but 0 is defective
    const samples = [{ name: 'a', image, mask, defective: true }]
    for (const [normalization, values] of [
      ['zero_centered', [-1, 1]],
      ['zero_one', [0, 1]],
      ['none', [0, 255]],
    ] as const)
      await expectNoLeak(async () => {
        const dataset = await createDataset(samples, { batchSize: 1, normalization })
        expect(dataset.sampleShape).toEqual([1, 2, 1])
        for await (const batch of dataset) {
          expect([batch.image.shape, batch.image.dtype]).toEqual([[1, 1, 2, 1], 'float32'])
          expect(Array.from(batch.image.dataSync())).toEqual(values)
          expect(Array.from(batch.mask.dataSync())).toEqual([0, 1])
          expect(batch.samples).toEqual([{ name: 'a', defective: true, index: 0 }])
          batch.dispose()
        }
      })
  })
  test('a mask of null is all sound, and does not count in the cache', async () => {
    const samples = randomSamples(3, 4)
    let said = 0
    const dataset = await createDataset(samples, { batchSize: 3, onCache: ({ bytes }) => (said = bytes) })
    expect([said, dataset.cacheBytes]).toEqual([(3 + 2) * 16, (3 + 2) * 16])
    const [batch] = await take(dataset)
    expect(batch!.mask.slice(32)).toEqual(Array(16).fill(0))
  })
  test('the cache is announced before anything else is decoded', async () => {
    const samples = [...randomSamples(1, 4), { name: 'b', image: '/nowhere/b.PNG', mask: null, defective: false }]
    const heard: unknown[] = []
    const message = await messageOf(createDataset(samples, { batchSize: 1, onCache: (cache) => heard.push(cache) }))
    expect(heard).toEqual([{ bytes: 3 * 16, images: 2 }])
    expect(message).toBe('/nowhere/b.PNG: no such file; expected a PNG, get the file again or leave it out of the set')
  })
  test('without cache give the same', async () => {
    const dir = await folder()
    const samples: Sample[] = await Promise.all(
      randomSamples(7, 5).map(async (sample) => {
        const [image, mask] = [join(dir, `${sample.name}.PNG`), sample.mask && join(dir, `${sample.name}_label.PNG`)]
        await writeFile(image, encodePng(sample.image as Raster))
        if (mask) await writeFile(mask, encodePng(sample.mask as Raster))
        return { ...sample, image, mask }
      }),
    )
    const options = { batchSize: 3, seed: 4, ...training }
    const [cached, uncached] = [
      await createDataset(samples, options),
      await createDataset(samples, { ...options, cache: false }),
    ]
    expect(uncached.cacheBytes).toBe(0)
    expect(await take(uncached, 6)).toEqual(await take(cached, 6))
  })
})

const counts = fc.record({
  count: fc.integer({ min: 1, max: 12 }),
  batchSize: fc.integer({ min: 1, max: 15 }),
  seed: fc.nat(),
})

describe('training', () => {
  test('every sample comes once an epoch, batches run across epochs and none is short', async () => {
    await fc.assert(
      fc.asyncProperty(counts, async ({ count, batchSize, seed }) => {
        const dataset = await createDataset(randomSamples(count, 2), { batchSize, seed, ...training })
        expect(dataset.epochBatches).toBe(count / batchSize)
        const batches = Math.ceil((4 * count) / batchSize)
        const seen = await take(dataset, batches)
        expect(sizes(seen)).toEqual(Array(batches).fill(batchSize))
        for (let epoch = 0; epoch < 4; epoch++)
          expect(new Set(names(seen).slice(epoch * count, (epoch + 1) * count)).size).toBe(count)
      }),
      { numRuns: 25 },
    )
  })
  test('the order is new in every epoch, and another for another seed', async () => {
    const order = async (seed: number) => {
      const seen = await take(await createDataset(randomSamples(12, 2), { batchSize: 12, seed, ...training }), 3)
      return seen.map((batch) => batch.names.join())
    }
    expect(new Set([...(await order(1)), ...(await order(2))]).size).toBe(6)
    expect(await order(1)).toEqual(await order(1))
  })
  test('without shuffle the order is that of the samples', async () => {
    const dataset = await createDataset(randomSamples(3, 2), { batchSize: 2, repeat: true })
    expect(names(await take(dataset, 3))).toEqual([
      'sample_0',
      'sample_1',
      'sample_2',
      'sample_0',
      'sample_1',
      'sample_2',
    ])
  })
  test('image and mask are transformed alike, in all eight ways', async () => {
    const samples = randomSamples(1, 6) // its mask is 255 where the image is above 127
    const dataset = await createDataset(samples, { batchSize: 8, normalization: 'none', repeat: true, augment: true })
    const seen = await take(dataset, 10)
    const images = new Set<string>()
    for (const { image, mask } of seen) {
      expect(mask).toEqual(image.map((value) => Number(value > 127)))
      for (let i = 0; i < 8; i++) images.add(image.slice(i * 36, (i + 1) * 36).join())
    }
    expect(images.size).toBe(8)
  })
  test('each of the eight comes about equally often', async () => {
    const image = { width: 2, height: 2, data: Uint8Array.of(0, 1, 2, 3) }
    const samples = [{ name: 'a', image, mask: null, defective: false }]
    const dataset = await createDataset(samples, { batchSize: 800, normalization: 'none', repeat: true, augment: true })
    const [batch] = await take(dataset, 1)
    const often = new Map<string, number>()
    for (let i = 0; i < 800; i++) {
      const key = batch!.image.slice(i * 4, i * 4 + 4).join()
      often.set(key, (often.get(key) ?? 0) + 1)
    }
    expect(often.size).toBe(8)
    for (const count of often.values()) expect(Math.abs(count - 100)).toBeLessThan(45)
  })
  test('images that are not square keep their shape', async () => {
    const dataset = await createDataset(randomSamples(1, 3, 2), {
      batchSize: 40,
      normalization: 'none',
      repeat: true,
      augment: true,
    })
    const [batch] = await take(dataset, 1)
    const images = new Set(Array.from({ length: 40 }, (_, i) => batch!.image.slice(i * 6, i * 6 + 6).join()))
    expect(images.size).toBe(4)
  })
  test('only the defective ones, when asked; index still counts in all samples', async () => {
    const dataset = await createDataset(randomSamples(9, 2), { batchSize: 6, defectiveOnly: true })
    expect(dataset.size).toBe(6)
    for await (const batch of dataset) {
      expect(batch.samples.map(({ index }) => index)).toEqual([0, 1, 3, 4, 6, 7])
      batch.dispose()
    }
  })
})

describe('evaluation', () => {
  test('is one pass in order, the last batch short; each iterator begins a new one', async () => {
    const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2 })
    expect(dataset.epochBatches).toBe(3)
    const [first, second] = [await take(dataset), await take(dataset)]
    expect(sizes(first)).toEqual([2, 2, 1])
    expect(second).toEqual(first)
    await take(dataset, 1) // an iterator that is left early
    expect(await take(dataset)).toEqual(first)
  })
  test('a new iterator begins a pass also while another one is open', async () => {
    const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2 })
    const open = dataset[Symbol.asyncIterator]()
    const { value } = await open.next()
    value?.dispose()
    expect(names(await take(dataset))).toEqual(['sample_0', 'sample_1', 'sample_2', 'sample_3', 'sample_4'])
    await open.return()
  })
  test('with dropRemainder has no short batch', async () => {
    const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2, dropRemainder: true })
    expect(dataset.epochBatches).toBe(2)
    expect(sizes(await take(dataset))).toEqual([2, 2])
    expect(sizes(await take(dataset))).toEqual([2, 2])
  })
  test('a batch larger than the set is the whole set; in training the set repeats', async () => {
    expect(sizes(await take(await createDataset(randomSamples(3, 2), { batchSize: 8 })))).toEqual([3])
    expect(sizes(await take(await createDataset(randomSamples(3, 2), { batchSize: 8, ...training }), 2))).toEqual([
      8, 8,
    ])
  })
  test('shuffled passes differ', async () => {
    const dataset = await createDataset(randomSamples(12, 2), { batchSize: 5, shuffle: true })
    const [first, second] = [names(await take(dataset)), names(await take(dataset))]
    expect(first).not.toEqual(second)
    expect(first.toSorted()).toEqual(second.toSorted())
  })
})

describe('shards', () => {
  test('are disjoint, complete and of nearly one size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 9 }), async (size, more) => {
        const samples = randomSamples(size + more, 2)
        const shards = await Promise.all(
          Array.from({ length: size }, (_, rank) => createDataset(samples, { batchSize: 1, shard: { rank, size } })),
        )
        const seen = (await Promise.all(shards.map(async (shard) => names(await take(shard))))).flat()
        expect(seen.toSorted()).toEqual(samples.map(({ name }) => name).toSorted())
        const lengths = shards.map((shard) => shard.size)
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 20 },
    )
  })
  test('come after the filter', async () => {
    const shard = { rank: 1, size: 2 }
    const dataset = await createDataset(randomSamples(6, 2), { batchSize: 9, defectiveOnly: true, shard })
    expect(names(await take(dataset))).toEqual(['sample_1', 'sample_4'])
  })
})

describe('state', () => {
  test('a resumed run sees exactly the batches of an uninterrupted one', async () => {
    const modes = fc.constantFrom<Partial<DatasetOptions>>(training, { repeat: true }, { shuffle: true }, {})
    await fc.assert(
      fc.asyncProperty(
        counts,
        modes,
        fc.integer({ min: 0, max: 6 }),
        async ({ count, batchSize, seed }, mode, stop) => {
          const options = { batchSize, seed, ...mode }
          const make = () => createDataset(randomSamples(count, 2), options)
          const total = mode.repeat ? stop + 4 : Math.ceil(count / batchSize)
          const whole = await take(await make(), total)
          const before = await make()
          const seen = await take(before, Math.min(stop, mode.repeat ? stop : total - 1))
          const state = JSON.parse(JSON.stringify(before.state()))
          expect(JSON.stringify(state).length).toBeLessThan(150)
          const after = await make()
          after.restore(state)
          expect([...seen, ...(await take(after, total - seen.length))]).toEqual(whole)
        },
      ),
      { numRuns: 40 },
    )
  })
  test('says what was handed out, not what is prepared ahead', async () => {
    const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2, ...training })
    const places: unknown[] = []
    for await (const batch of dataset) {
      await sleep(5) // the next batch is ready by now
      const { epoch, position } = dataset.state()
      places.push([epoch, position])
      batch.dispose()
      if (places.length === 4) break
    }
    expect(places).toEqual([
      [0, 2],
      [0, 4],
      [1, 1],
      [1, 3],
    ])
  })
  test('an iterator goes on where the last one stopped, and after restore from there', async () => {
    const make = () => createDataset(randomSamples(7, 2), { batchSize: 2, ...training })
    const whole = await take(await make(), 8)
    const dataset = await make()
    const state = dataset.state()
    expect([...(await take(dataset, 3)), ...(await take(dataset, 5))]).toEqual(whole)
    dataset.restore(state)
    expect(await take(dataset, 2)).toEqual(whole.slice(0, 2))
  })
  test('can be restored under an open iterator', async () => {
    const dataset = await createDataset(randomSamples(7, 2), { batchSize: 2, ...training })
    const state = dataset.state()
    const seen: string[][] = []
    for await (const batch of dataset) {
      seen.push(batch.samples.map(({ name }) => name))
      batch.dispose()
      if (seen.length === 2) dataset.restore(state)
      if (seen.length === 4) break
    }
    expect(seen.slice(2)).toEqual(seen.slice(0, 2))
  })
  test('of an earlier pass can be restored under an open iterator of a later one', async () => {
    const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2 })
    const state = dataset.state()
    await take(dataset)
    const seen: number[] = []
    for await (const batch of dataset) {
      seen.push(batch.samples.length)
      batch.dispose()
      if (seen.length === 1) dataset.restore(state)
    }
    expect(seen).toEqual([2, 2, 2, 1])
  })
  test('of other samples, another seed or nonsense is refused', async () => {
    const make = (samples: Sample[], seed = 0) => createDataset(samples, { batchSize: 2, seed })
    const [four, five] = [await make(randomSamples(4, 2)), await make(randomSamples(5, 2))]
    expect(() => five.restore(four.state())).toThrow('the state is of another data set: got size 4, expected 5')
    const seeded = await make(randomSamples(4, 2), 1)
    expect(() => seeded.restore(four.state())).toThrow('got seed 0, expected 1')
    const renamed = await make(randomSamples(4, 2).map((sample) => ({ ...sample, name: `other_${sample.name}` })))
    expect(() => renamed.restore(four.state())).toThrow('got samples ')
    expect(() => four.restore({ ...four.state(), position: 4 })).toThrow('got epoch 0 and position 4, expected')
  })
})

describe('memory', () => {
  test('nothing is held that the caller was not given', async () => {
    await expectNoLeak(async () => {
      const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2, ...training })
      let count = 0
      for await (const batch of dataset) {
        await sleep(5)
        expect(tf.memory().numTensors).toBe(2)
        batch.dispose()
        if (++count === 3) break
      }
      dataset.dispose()
    })
  })
  test('after dispose it says so', async () => {
    const dataset = await createDataset(randomSamples(5, 2), { batchSize: 2 })
    dataset.dispose()
    expect(await messageOf(take(dataset))).toBe('this data set was disposed of; make another one')
  })
})

describe('pictures of other sizes and kinds', () => {
  const sample = (image: Sample['image'], mask: Sample['mask'] = null, name = 'a'): Sample => ({
    name,
    image,
    mask,
    defective: mask !== null,
  })
  const raster = (width: number, height = width) => randomRaster(width, height, 1)
  test('are resized when asked', async () => {
    const image = { width: 2, height: 2, data: Uint8Array.of(0, 100, 50, 250) }
    const mask = { width: 2, height: 2, data: Uint8Array.of(0, 0, 0, 255) }
    const dataset = await createDataset([sample(image, mask)], { batchSize: 1, size: [1, 2], normalization: 'none' })
    const [batch] = await take(dataset)
    expect(batch).toMatchObject({ image: [25, 175], mask: [0, 1] })
  })
  test('are named otherwise, and so is a mask of another size than its image', async () => {
    const options = { batchSize: 2 }
    expect(await messageOf(createDataset([sample(raster(8)), sample(raster(4), null, 'b')], options))).toBe(
      'b: got 4x4, expected 8x8 as the first image has; pass size',
    )
    const dir = await folder()
    const [image, mask] = [join(dir, 'i.PNG'), join(dir, 'm.PNG')]
    await writeFile(image, encodePng(raster(8)))
    await writeFile(mask, encodePng(raster(4)))
    expect(await messageOf(createDataset([sample(image, mask)], { ...options, size: 8 }))).toBe(
      `${mask}: got a mask of 4x4, expected the 8x8 of its image`,
    )
  })
  test('a truncated file is named', async () => {
    const path = join(await folder(), 'cut.PNG')
    await writeFile(path, encodePng(raster(8)).subarray(0, 60))
    expect(await messageOf(createDataset([sample(path)], { batchSize: 1 }))).toContain(
      `${path}: truncated or damaged PNG`,
    )
    const later = await createDataset([sample(raster(8)), sample(path, null, 'b')], { batchSize: 1, cache: false })
    expect(await messageOf(take(later))).toContain(`${path}: truncated or damaged PNG`)
  })
  test('colours and 16 bits are converted, with one warning for all', async () => {
    const dir = await folder()
    const paths = ['a.PNG', 'b.PNG', 'c.PNG'].map((name) => join(dir, name))
    await writeFile(paths[0]!, encode({ width: 1, height: 1, channels: 3, depth: 8, data: Uint8Array.of(255, 0, 0) }))
    await writeFile(paths[1]!, encode({ width: 1, height: 1, channels: 1, depth: 16, data: Uint16Array.of(65535) }))
    await writeFile(paths[2]!, encodePng({ width: 1, height: 1, data: Uint8Array.of(9) }))
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    const samples = paths.map((path) => sample(path, null, path))
    const [batch] = await take(await createDataset(samples, { batchSize: 3, normalization: 'none', onWarning }))
    expect(batch!.image).toEqual([76, 255, 9])
    expect(warnings).toEqual([`${paths[0]}: RGB is converted to 8-bit grey, as in any others like it`])
  })
  test('rasters must have as many values as pixels', async () => {
    const short = { width: 2, height: 2, data: new Uint8Array(3) }
    expect(await messageOf(createDataset([sample(short)], { batchSize: 1 }))).toBe('a: got 3 values, expected 2x2 = 4')
  })
})

describe('options that make no sense are named', () => {
  test.each<[string, Sample[], Partial<DatasetOptions>]>([
    ['got no samples, expected at least one', [], {}],
    [
      'none of the 1 samples is defective; leave defectiveOnly out',
      randomSamples(3, 2).slice(2),
      { defectiveOnly: true },
    ],
    ['got the batch size 0, expected a whole number of at least 1', randomSamples(3, 2), { batchSize: 0 }],
    ['got the seed 0.5, expected a whole number', randomSamples(3, 2), { seed: 0.5 }],
    ['got shard 2 of 2, expected a rank from 0 to size − 1', randomSamples(3, 2), { shard: { rank: 2, size: 2 } }],
    ['shard 3 of 4 is empty: there are only 3 samples', randomSamples(3, 2), { shard: { rank: 3, size: 4 } }],
    [
      '3 samples make no batch of 4; make it smaller or keep the remainder',
      randomSamples(3, 2),
      { batchSize: 4, dropRemainder: true },
    ],
    ['got the size 0, expected whole numbers greater than 0', randomSamples(3, 2), { size: 0 }],
  ])('%s', async (message, samples, options) => {
    expect(await messageOf(createDataset(samples, { batchSize: 1, ...options }))).toBe(message)
  })
})
