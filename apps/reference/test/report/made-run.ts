import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { referenceThresholds } from '@unet-industrial/adaptive-loss'
import { schema } from '../../src/options/schema'
import { samplePictures } from '../../src/report/pictures'
import type { EvaluateLine, StartLine, TrainLine } from '../../src/training/metrics-log'
import type { EvaluationFile } from '../../src/training/results'

/** An image with an elliptical defect, its mask, and a prediction that misses it by `shift` pixels. */
export function madeSample(size: number, shift: number) {
  const at = <T>(make: (x: number, y: number) => T) =>
    Array.from({ length: size * size }, (_, i) => make((i % size) / size, Math.floor(i / size) / size))
  const distance = (x: number, y: number) => ((x - 0.45) / 0.22) ** 2 + ((y - 0.55) / 0.12) ** 2
  const inside = (x: number, y: number) => distance(x, y) <= 1
  return {
    height: size,
    width: size,
    image: at((x, y) => 0.2 * Math.sin(60 * x) + 0.2 * Math.sin(80 * y) + (inside(x, y) ? 0.5 : 0)),
    mask: at((x, y) => Number(inside(x, y))),
    probability: at((x, y) => 1 / (1 + Math.exp(6 * (distance(x - shift / size, y) - 1)))),
    thresholds: referenceThresholds,
  }
}

/** Writes the files of a run that was trained, evaluated and resumed; `odd` is put wherever text goes. */
export function makeRun(path: string, odd = ''): void {
  mkdirSync(join(path, 'samples'), { recursive: true })
  const write = (name: string, content: object) => writeFileSync(join(path, name), JSON.stringify(content))
  write('config.json', { ...schema.parse({ datasetName: 'synthetic', imageSize: 64 }), dataDir: `images${odd}` })

  const start: StartLine = {
    type: 'start',
    step: 0,
    totalSteps: 2500,
    trainingImages: 16,
    imageShape: [64, 64, 1],
    parameters: 1_850_305,
    backend: `cpu: plain JavaScript${odd}`,
    version: '0.1.0',
    node: 'v20.19.0',
    time: 1_700_000_000,
  }
  const train = Array.from({ length: 250 }, (_, i): TrainLine => {
    const [step, wave] = [10 * (i + 1), Math.sin(i) * Math.sin(7 * i)]
    return {
      type: 'train',
      step,
      epoch: step,
      loss: 0.02 + 0.6 * Math.exp(-i / 30) * (1 + 0.3 * wave),
      weightDecay: 0.01,
      dice: 1 - 0.9 * Math.exp(-i / 40) - 0.03 * Math.abs(wave),
      branch: i > 45 ? 'dice' : 'bce',
      learningRate: 1e-4 * 0.8 ** Math.floor(step / 500),
      lossScale: step < 2000 ? 32768 : 65536,
      imagesPerSecond: 40 + 4 * wave,
      time: 1_700_000_000 + step,
    }
  })
  const thresholds = Object.fromEntries(
    referenceThresholds.map((threshold) => {
      const dice = 0.9 - (threshold - 0.5) ** 2
      return [
        String(threshold),
        {
          dice,
          iou: dice - 0.1,
          diceDefective: dice - 0.05,
          iouDefective: dice - 0.15,
          tp: 15,
          tn: 14,
          fp: 2,
          fn: 1,
          tpr: 15 / 16,
          tnr: 14 / 16,
        },
      ]
    }),
  )
  const at = thresholds['0.75']!
  const evaluate: EvaluateLine = {
    type: 'evaluate',
    step: 2500,
    images: 32,
    defective: 16,
    ...at,
    auroc: 0.97,
    time: 0,
  }
  const entry = (pictures: string, dice: number) => ({
    pictures,
    name: `${pictures}${odd}`,
    defective: true,
    dice,
    score: 0.99,
  })
  const evaluation: EvaluationFile = {
    images: 32,
    defective: 16,
    thresholds,
    auroc: 0.97,
    averagePrecision: 0.98,
    checkpoint: { run: 'made', step: 2500 },
    data: { datasetName: 'synthetic', classId: 1, imageSize: 64, syntheticDifficulty: 'easy' },
    worst: [entry('worst-1', 0.4), entry('worst-2', 0.6)],
    best: [entry('best-1', 0.95)],
  }
  write('eval.json', evaluation)
  writeFileSync(
    join(path, 'metrics.jsonl'),
    [start, ...train, evaluate].map((line) => `${JSON.stringify(line)}\n`).join(''),
  )
  for (const [prefix, shift] of Object.entries({ 'worst-1': 12, 'worst-2': 7, 'best-1': 1, 'step-00002500': 2 }))
    for (const { name, png } of samplePictures(madeSample(64, shift)))
      writeFileSync(join(path, 'samples', `${prefix}-${name}.png`), png)
}
