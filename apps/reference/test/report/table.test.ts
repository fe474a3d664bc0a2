import { expect, test } from 'vitest'
import { publishedResult } from '../../src/report/published'
import { evaluationTable } from '../../src/report/table'

const at = {
  dice: 0.91234,
  iou: 0.85,
  diceDefective: 0.7,
  iouDefective: null,
  tp: 10,
  tn: 20,
  fp: 1,
  fn: 2,
  tpr: 10 / 12,
  tnr: 20 / 21,
}
const evaluation = {
  images: 33,
  defective: 12,
  thresholds: { '0.5': at, '0.75': at },
  auroc: 0.98,
  averagePrecision: null,
}
const cells = (line: string) =>
  line
    .split('│')
    .map((cell) => cell.trim())
    .filter(Boolean)

test('an evaluation is a table with a row a threshold', () => {
  const lines = evaluationTable(evaluation).split('\n')
  expect(cells(lines[3]!)).toEqual(['0.5', '0.9123', '0.8500', '0.7000', '–', '10', '20', '1', '2', '83.33', '95.24'])
  expect(lines.join()).not.toContain('published')
  expect(lines.join()).toContain('33 images, 12 defective · AUROC 0.9800 · average precision –')
})

test('a DAGM class has its published row', () => {
  const row = evaluationTable(evaluation, 9)
    .split('\n')
    .find((line) => line.includes('published'))
  expect(cells(row!)).toEqual(['published', '0.988', '99.82', '99.81'])
})

test('there are ten classes', () => {
  expect(publishedResult(1)).toEqual({ dice: 0.968, tpr: 1, tnr: 0.9788 })
  expect(publishedResult(10).tnr).toBeCloseTo(0.9943)
  expect(() => publishedResult(11)).toThrow('got class 11; expected one of 1 to 10')
})
