import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawEllipses, type Raster, type Sample, synthesize } from '../src/index'

const classes = Array.from({ length: 10 }, (_, i) => i + 1)
const statistics = (values: ArrayLike<number>) => {
  const all = Array.from(values)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  return { mean, deviation: Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length) }
}
/** Brightness inside and outside the mask. */
const brightness = ({ image, mask }: Sample) => {
  const [pixels, label] = [(image as Raster).data, (mask as Raster).data]
  const of = (wanted: number) => statistics(pixels.filter((_, i) => label[i] === wanted)).mean / 255
  return { inside: of(255), outside: of(0) }
}

test('the same seed gives the same images, another seed others, and a larger set begins with the smaller one', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...classes), (seed, classId) => {
      const some = synthesize({ classId, size: 16, clean: 1, defective: 2, seed })
      expect(synthesize({ classId, size: 16, clean: 1, defective: 2, seed })).toEqual(some)
      expect(synthesize({ classId, size: 16, clean: 0, defective: 3, seed }).slice(0, 2)).toEqual(some.slice(0, 2))
      expect(synthesize({ classId, size: 16, clean: 1, defective: 2, seed: seed + 1 })[0]!.image).not.toEqual(
        some[0]!.image,
      )
      expect(new Set(some.map(({ name }) => name)).size).toBe(3)
    }),
    { numRuns: 20 },
  )
})

test('any size, also one that is not square', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 70 }), fc.integer({ min: 8, max: 70 }), (height, width) => {
      const samples = synthesize({ classId: (height % 10) + 1, size: [height, width], clean: 1, defective: 1, seed: 1 })
      for (const image of [samples[0]!.image, samples[0]!.mask, samples[1]!.image] as Raster[])
        expect([image.width, image.height, image.data.length]).toEqual([width, height, width * height])
      expect(samples.map(({ defective, mask }) => [defective, mask === null])).toEqual([
        [true, false],
        [false, true],
      ])
    }),
    { numRuns: 30 },
  )
})

describe.each(classes)('class %i', (classId) => {
  test('has a texture of the stated strength, mid-grey', () => {
    for (const [difficulty, sigma] of [
      ['easy', 0.07],
      ['hard', 0.13],
    ] as const)
      for (const { image } of synthesize({ classId, size: 64, clean: 2, defective: 0, seed: 5, difficulty })) {
        const { mean, deviation } = statistics((image as Raster).data)
        expect(mean / 255).toBeCloseTo(0.5, 1)
        expect(deviation / 255).toBeGreaterThan(0.9 * sigma) // a little is clipped at 0 and 255
        expect(deviation / 255).toBeLessThan(1.02 * sigma)
      }
  })
  test('has defects that are brighter inside their ellipse, and masks that are that ellipse', () => {
    for (const sample of synthesize({ classId, size: 64, clean: 0, defective: 8, seed: 6 })) {
      expect(sample.mask).toEqual(drawEllipses(sample.ellipses!, 64, 64))
      const { inside, outside } = brightness(sample)
      expect(inside - outside).toBeGreaterThan(0.1)
      expect(inside - outside).toBeLessThan(0.35)
    }
  })
})

test('the ten textures are all different', () => {
  const images = classes.map(
    (classId) => synthesize({ classId, size: 32, clean: 1, defective: 0, seed: 1 })[0]!.image as Raster,
  )
  expect(new Set(images.map(({ data }) => data.join())).size).toBe(10)
})

test('easy defects have the stated size; hard ones are thin, bright and dark', () => {
  const of = (difficulty: 'easy' | 'hard') => synthesize({ size: 100, clean: 0, defective: 40, seed: 2, difficulty })
  for (const { ellipses } of of('easy')) {
    expect(ellipses![0]!.a).toBeGreaterThanOrEqual(12)
    expect(ellipses![0]!.a).toBeLessThanOrEqual(22)
    expect(ellipses![0]!.b).toBeGreaterThanOrEqual(7)
    expect(ellipses![0]!.b).toBeLessThanOrEqual(12)
  }
  const signs = of('hard').map((sample) => {
    expect(sample.ellipses![0]!.b).toBeLessThanOrEqual(5)
    const { inside, outside } = brightness(sample)
    return Math.sign(inside - outside)
  })
  for (const sign of [1, -1]) expect(signs.filter((one) => one === sign).length).toBeGreaterThan(10)
})

test('what cannot be drawn is named', () => {
  const options = { size: 16, clean: 1, defective: 1, seed: 1 }
  expect(() => synthesize({ ...options, classId: 11 })).toThrow('class 11 is not in DAGM 2007')
  expect(() => synthesize({ ...options, size: 4 })).toThrow('got height 4, expected a whole number of at least 8')
  expect(() => synthesize({ ...options, clean: -1 })).toThrow('got clean -1')
  expect(() => synthesize({ ...options, difficulty: 'medium' as 'easy' })).toThrow('"medium", expected easy or hard')
})
