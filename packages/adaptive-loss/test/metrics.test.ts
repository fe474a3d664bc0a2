import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectClose, expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { auroc, averagePrecision, referenceThresholds, SegmentationMetrics } from '../src'
import { overlap } from '../src/metrics/overlap'

const [height, width] = [3, 4]
const size = height * width
const image = fc.record({
  mask: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: size, maxLength: size }),
  probability: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: size, maxLength: size }),
})
const images = fc.array(image, { minLength: 1, maxLength: 9 })
type Image = { mask: number[]; probability: number[] }

const tensor = (pictures: number[][]) => tf.tensor4d(pictures.flat(), [pictures.length, height, width, 1])

async function update(metrics: SegmentationMetrics, batch: Image[], names?: string[]) {
  const [mask, probability] = [tensor(batch.map(({ mask }) => mask)), tensor(batch.map((i) => i.probability))]
  try {
    return await metrics.update(mask, probability, names)
  } finally {
    tf.dispose([mask, probability])
  }
}

/** The definition, one threshold and one image at a time, in tensor ops. */
function overlapReference({ mask, probability }: Image, threshold: number) {
  const counts = tf.tidy(() => {
    const [a, b] = [probability, mask].map((values) => tf.greater(tf.tensor1d(values), tf.scalar(threshold)))
    return [tf.logicalAnd(a!, b!), a!, b!].map((set) => tf.sum(set).dataSync()[0]!)
  })
  return overlap(...(counts as [number, number, number]))
}

const scored = fc.array(
  fc.record({ score: fc.integer({ min: 0, max: 6 }).map((n) => n / 8), defective: fc.boolean() }),
  { minLength: 2 },
)
const columns = (rows: { score: number; defective: boolean }[]) =>
  [rows.map(({ score }) => score), rows.map(({ defective }) => defective)] as const

describeOnBackends('SegmentationMetrics', () => {
  test('equals its definition, image by image and threshold by threshold', async () => {
    await fc.assert(
      fc.asyncProperty(images, async (images) => {
        const metrics = new SegmentationMetrics()
        const byImage = await expectNoLeak(() => update(metrics, images))
        images.forEach((image, i) => {
          for (const threshold of referenceThresholds)
            expect(byImage[i]!.thresholds[threshold]).toEqual(overlapReference(image, threshold))
        })
      }),
      { numRuns: 20 },
    )
  })

  test('any split into batches gives the same result', async () => {
    await fc.assert(
      fc.asyncProperty(images, fc.integer({ min: 1, max: 4 }), async (images, batchSize) => {
        const [whole, split] = [new SegmentationMetrics(), new SegmentationMetrics()]
        await update(whole, images)
        for (let i = 0; i < images.length; i += batchSize) await update(split, images.slice(i, i + batchSize))
        expect(split.result()).toEqual(whole.result())
      }),
      { numRuns: 20 },
    )
  })

  test('what several measured, added in order, is what one measures; other thresholds are refused whole', async () => {
    await fc.assert(
      fc.asyncProperty(images, fc.integer({ min: 1, max: 4 }), async (images, parts) => {
        const [whole, merged] = [new SegmentationMetrics(), new SegmentationMetrics()]
        await update(whole, images)
        for (let i = 0; i < images.length; i += parts)
          merged.add(await update(new SegmentationMetrics(), images.slice(i, i + parts)))
        expect(merged.result()).toEqual(whole.result())
      }),
      { numRuns: 20 },
    )
    const picture = { mask: Array(size).fill(1), probability: Array(size).fill(0.5) }
    const [good] = await update(new SegmentationMetrics(), [picture])
    const [other] = await update(new SegmentationMetrics({ thresholds: [0.3] }), [picture], ['b.png'])
    const metrics = new SegmentationMetrics()
    expect(() => metrics.add([good!, other!])).toThrow('image b.png was not measured at threshold 0.05')
    expect(metrics.result().images).toBe(0)
  })

  test('what ranks measured of the images r, r + P, … is what one process measures, in whichever order it is added', async () => {
    await fc.assert(
      fc.asyncProperty(images, fc.integer({ min: 1, max: 4 }), async (images, ranks) => {
        const whole = new SegmentationMetrics()
        await update(whole, images)
        const merged = new SegmentationMetrics()
        for (let rank = 0; rank < ranks; rank++) {
          const own = images.filter((_, i) => i % ranks === rank)
          if (own.length > 0) merged.add(await update(new SegmentationMetrics(), own))
          else merged.add([])
        }
        const [got, want] = [merged.result(), whole.result()]
        const { thresholds, ...detection } = want
        expect(got).toMatchObject(detection) // numbers of images and their ranking: exactly
        for (const [threshold, { dice, iou, diceDefective, iouDefective, ...counts }] of Object.entries(thresholds)) {
          expect(got.thresholds[threshold]).toMatchObject(counts)
          for (const [name, mean] of Object.entries({ dice, iou, diceDefective, iouDefective })) {
            const of = got.thresholds[threshold]![name as 'dice']
            if (mean === null) expect(of).toBeNull()
            else expectClose(of!, mean, { relative: 1e-14 }) // summed in another order
          }
        }
      }),
      { numRuns: 20 },
    )
  })

  test('a value equal to float32(threshold) is not above it, for pixels and images', async () => {
    const thresholds = [0.95, 0.3] // as float32 below and above themselves
    const metrics = new SegmentationMetrics({ thresholds })
    const mask = Array.from({ length: size }, (_, i) => Number(i === 0))
    await update(
      metrics,
      thresholds.map((threshold) => ({ mask, probability: mask.map((y) => y * threshold) })),
    )
    const result = metrics.result().thresholds
    expect(Object.keys(result)).toEqual(['0.3', '0.95'])
    expect(result['0.3']).toMatchObject({ tp: 1, fn: 1 })
    expect(result['0.95']).toMatchObject({ tp: 0, fn: 2 })
    expectClose(result['0.3']!.iou!, 1 / 2, { relative: 1e-4 })
    expectClose(result['0.95']!.iou!, 0, { relative: 0, absolute: 1e-4 })
  })

  test('names and indices find an image again; reset forgets', async () => {
    const metrics = new SegmentationMetrics()
    const clean = { mask: Array(size).fill(0), probability: Array(size).fill(0) }
    await update(metrics, [clean], ['a.png'])
    const [second] = await update(metrics, [clean], ['b.png'])
    expect(second).toMatchObject({ index: 1, name: 'b.png', defective: false, score: 0 })
    expect(second!.thresholds['0.75']).toEqual({ dice: 1, iou: 1 })
    expect(metrics.result()).toMatchObject({ images: 2, defective: 0, auroc: null, averagePrecision: null })
    expect(metrics.result().thresholds['0.5']).toEqual({
      ...{ dice: 1, iou: 1, diceDefective: null, iouDefective: null },
      ...{ tp: 0, tn: 2, fp: 0, fn: 0, tpr: null, tnr: 1 },
    })
    metrics.reset()
    expect(metrics.result()).toEqual(new SegmentationMetrics().result())
    expect(metrics.result().thresholds['0.5']!.dice).toBeNull()
  })

  test('errors name what is wrong, and count nothing', async () => {
    const metrics = new SegmentationMetrics()
    const good = { mask: Array(size).fill(1), probability: Array(size).fill(0.5) }
    await expect(update(metrics, [good, { ...good, probability: Array(size).fill(-3) }])).rejects.toThrow(
      'probability has the value -3; expected values in [0, 1]: apply the sigmoid to logits',
    )
    await expect(update(metrics, [{ ...good, probability: Array(size).fill(Number.NaN) }])).rejects.toThrow('value NaN')
    await expect(update(metrics, [{ ...good, mask: Array(size).fill(255) }])).rejects.toThrow('mask has the value 255')
    await expect(update(metrics, [good], ['a', 'b'])).rejects.toThrow('got 2 names for 1 images')
    const wide = tf.zeros([1, 3, 5, 1]) as tf.Tensor4D
    await expect(metrics.update(tf.zeros([1, 3, 4, 1]), wide)).rejects.toThrow(
      'mask has shape [1,3,4,1], probability [1,3,5,1]',
    )
    expect(metrics.result().images).toBe(0)
  })
})

describe('thresholds', () => {
  test('outside of [0, 1) or none at all', () => {
    expect(() => new SegmentationMetrics({ thresholds: [0.5, 1] })).toThrow('threshold 1 is not in [0, 1)')
    expect(() => new SegmentationMetrics({ thresholds: [] })).toThrow('got no thresholds')
  })
})

describe('overlap', () => {
  test('iou = dice / (2 − dice) but for ε', () => {
    const counts = fc.tuple(fc.nat(500), fc.nat(500), fc.nat(500)).filter((parts) => parts.some(Boolean))
    fc.assert(
      fc.property(counts, ([both, onlyA, onlyB]) => {
        const { dice, iou } = overlap(both, both + onlyA, both + onlyB)
        expectClose(iou, dice / (2 - dice), { relative: 0, absolute: 2e-5 })
      }),
    )
  })
})

describe('ranking', () => {
  test('a monotone map of the scores changes nothing', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const [scores, defective] = columns(rows)
        const mapped = scores.map((score) => Math.exp(3 * score) - 7)
        expect(auroc(mapped, defective)).toBe(auroc(scores, defective))
        expect(averagePrecision(mapped, defective)).toBe(averagePrecision(scores, defective))
      }),
    )
  })

  test('auroc is the share of pairs in the right order, a tie counting half', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const [hits, misses] = [rows.filter((row) => row.defective), rows.filter((row) => !row.defective)]
        const won = hits.flatMap((hit) => misses.map((miss) => (Math.sign(hit.score - miss.score) + 1) / 2))
        const want = won.length ? won.reduce((sum, win) => sum + win) / won.length : null
        expect(auroc(...columns(rows))).toBe(want)
      }),
    )
  })

  test('perfect, reversed and one kind only', () => {
    expect(auroc([0.9, 0.8, 0.1], [true, true, false])).toBe(1)
    expect(averagePrecision([0.9, 0.8, 0.1], [true, true, false])).toBe(1)
    expect(auroc([0.1, 0.9], [true, false])).toBe(0)
    expect(averagePrecision([0.1, 0.9], [true, false])).toBe(0.5)
    expect(auroc([0.1, 0.9], [true, true])).toBeNull()
    expect(averagePrecision([], [])).toBeNull()
  })

  test('errors', () => {
    expect(() => auroc([1], [])).toThrow('got 1 scores and 0 labels')
    expect(() => auroc([Number.NaN], [true])).toThrow('score 0 is NaN')
  })
})
