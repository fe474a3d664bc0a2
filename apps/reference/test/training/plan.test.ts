import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { schema } from '../../src/options/schema'
import type { TrainLine } from '../../src/training/metrics-log'
import { plan } from '../../src/training/plan'
import { duration, showProgress } from '../../src/training/progress'

test.each([
  ['2500 epochs of class 1', {}, 79, 1, 12343, 2468.75],
  ["the scripts' 2500 batches", { iterUnit: 'batch' }, 79, 1, 2500, 500],
  ['the miniature set', {}, 16, 1, 2500, 500],
  ['two ranks of batch 8', { batchSize: 8 }, 79, 2, 12343, 2468.75],
  ['a batch larger than the set', { numIter: 10, batchSize: 16 }, 4, 1, 2, 125],
])('%s', (_, options, images, ranks, totalSteps, decaySteps) => {
  expect(plan(schema.parse(options), images, ranks)).toEqual({ totalSteps, decaySteps, globalBatch: 16, images })
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

function written(isTTY: boolean, body: (progress: ReturnType<typeof showProgress>) => void): string {
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 200,
    cursorTo() {},
    clearLine() {},
    moveCursor() {},
  })
  const progress = showProgress({ total: 100, from: 0, every: 50, batch: 2 }, stream as unknown as NodeJS.WriteStream)
  body(progress)
  progress.stop()
  return String(stream.read())
}

test('without a terminal, a line for the first step, every --display-every, and the last', () => {
  const text = written(false, (progress) => {
    for (const step of [1, 10, 50, 60, 100]) progress.numbers(line(step))
  })
  expect(text.match(/^step \d+/gm)).toEqual(['step 1', 'step 50', 'step 100'])
  expect(text).toContain('step 50/100 · loss 0.5000 · dice 0.2500 · bce  · lr 1.00e-4 · 4.00 img/s · 25s left\n')
})

test('on a terminal, a bar that has the same numbers', () => {
  const text = written(true, (progress) => {
    progress.step(50)
    progress.numbers(line(50))
    progress.say('a remark')
  })
  expect(text).toMatch(/█+░+ 50\/100 · loss 0\.5000 · dice 0\.2500 · bce/)
  expect(text).toContain('a remark\n')
})
