import { PassThrough } from 'node:stream'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { init } from '@unet-industrial/horovod-lite'
import { beforeAll, describe, expect, test } from 'vitest'
import { schema } from '../../src/options/schema'
import type { TrainLine } from '../../src/training/metrics-log'
import { type Plan, plan } from '../../src/training/plan'
import { duration, showProgress } from '../../src/training/progress'
import { recipe } from '../../src/training/recipe'

beforeAll(() => init())

test.each([
  ['2500 epochs of class 1', {}, 79, 1, 12343, 2468.75],
  ["the scripts' 2500 batches", { iterUnit: 'batch' }, 79, 1, 2500, 500],
  ['the miniature set', {}, 16, 1, 2500, 500],
  ['two ranks of batch 8', { batchSize: 8 }, 79, 2, 12343, 2468.75],
  ['a batch larger than the set', { numIter: 10, batchSize: 16 }, 4, 1, 2, 125],
])('%s', (_, options, images, ranks, totalSteps, decaySteps) => {
  expect(plan(schema.parse(options), images, ranks)).toEqual({
    ...{ totalSteps, decaySteps, decayAhead: 0, globalBatch: 16, images },
  })
})

describe('a run that goes on with twice the global batch', () => {
  const done = { step: 2468, images: 2468 * 16 } // of class 1, just before the first stair, at 2468.75

  test('takes as many images in all, and its learning rate falls where it would have', () => {
    const before = plan(schema.parse({}), 79)
    const after = plan(schema.parse({}), 79, 2, done)
    const images = (of: Plan) => done.images + (of.totalSteps - done.step) * of.globalBatch
    expect(images(before) - images(after)).toBeLessThan(after.globalBatch)
    expect(images(before)).toBeGreaterThanOrEqual(images(after))
    const { schedule } = recipe(schema.parse({}), [16, 16], after)
    const rates = [2467, 2468, 2469, 3702, 3703].map((step) => schedule.at(step))
    expect(rates.map((rate) => Math.round(Math.log(rate / 1e-4) / Math.log(0.8)))).toEqual([0, 0, 1, 1, 2])
    const inGraph = tf.tidy(() => schedule.apply(tf.scalar(2469, 'int32')).dataSync()[0])
    expect(inGraph).toBeCloseTo(rates[2]!, 9)
  })

  test('counted in batches it goes on as if nothing had changed', () => {
    expect(plan(schema.parse({ iterUnit: 'batch' }), 79, 2, done)).toMatchObject({ totalSteps: 2500, decayAhead: 0 })
  })

  test('may have nothing left to train', () => {
    expect(plan(schema.parse({ numIter: 400 }), 79, 2, done).totalSteps).toBe(done.step)
  })
})

test('epochs that fill no batch are refused', () => {
  expect(() => plan(schema.parse({ numIter: 1 }), 4)).toThrow(
    '--num-iter 1: 1 epoch(s) of 4 images fill no batch of 16; raise it, or lower --batch-size',
  )
})

test('durations', () => {
  expect([7, 65, 4521, Number.POSITIVE_INFINITY].map(duration)).toEqual(['7s', '1m 5s', '1h 15m', '–'])
})

const line = (step: number): TrainLine => ({
  ...{ type: 'train', step, epoch: 1, loss: 0.5, weightDecay: 0.01, dice: 0.25, branch: 'bce' },
  ...{ learningRate: 1e-4, lossScale: 1, imagesPerSecond: 4, time: 0 },
})

function written(
  terminal: { isTTY: boolean; columns?: number },
  body: (progress: ReturnType<typeof showProgress>) => void,
): string {
  const stream = Object.assign(new PassThrough(), {
    ...terminal,
    cursorTo() {},
    clearLine() {},
    moveCursor() {},
  })
  const progress = showProgress({ total: 100, from: 0, every: 50, batch: 2 }, stream as unknown as NodeJS.WriteStream)
  body(progress)
  progress.stop()
  return String(stream.read())
}

test.each([
  ['without a terminal', { isTTY: false }],
  ["on mpirun's terminal, which has no columns", { isTTY: true, columns: 0 }],
])('%s, a line for the first step, every --display-every, and the last', (_, terminal) => {
  const text = written(terminal, (progress) => {
    for (const step of [1, 10, 50, 60, 100]) progress.numbers(line(step))
  })
  expect(text.match(/^step \d+/gm)).toEqual(['step 1', 'step 50', 'step 100'])
  expect(text).toContain('step 50/100 · loss 0.5000 · dice 0.2500 · bce  · lr 1.00e-4 · 4.00 img/s · 25s left\n')
})

test('on a terminal, a bar that has the same numbers', () => {
  const text = written({ isTTY: true, columns: 200 }, (progress) => {
    progress.step(50)
    progress.numbers(line(50))
    progress.say('a remark')
  })
  expect(text).toMatch(/█+░+ 50\/100 · loss 0\.5000 · dice 0\.2500 · bce/)
  expect(text).toContain('a remark\n')
})
