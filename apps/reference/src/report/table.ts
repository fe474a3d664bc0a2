import type { SegmentationResult } from '@unet-industrial/adaptive-loss'
import Table from 'cli-table3'
import { publishedResult, publishedThreshold } from './published'

const header = ['threshold', 'dice', 'IoU', 'dice def.', 'IoU def.', 'TP', 'TN', 'FP', 'FN', 'TPR %', 'TNR %']

export const fixed = (value: number | null | undefined, digits = 4) => value?.toFixed(digits) ?? '–'
export const percent = (share: number | null | undefined) => (share == null ? '–' : (100 * share).toFixed(2))

/**
 * An evaluation as a table for the terminal: one row a threshold, and the reference's published row where the images
 * are a class of DAGM.
 *
 * @param classId 1 to 10; left out for other images
 */
export function evaluationTable(evaluation: SegmentationResult, classId?: number): string {
  const table = new Table({
    head: header,
    colAligns: header.map(() => 'right'),
    style: { head: [], border: [], compact: true },
  })
  for (const [threshold, { dice, iou, diceDefective, iouDefective, tp, tn, fp, fn, tpr, tnr }] of Object.entries(
    evaluation.thresholds,
  ))
    table.push([
      threshold,
      ...[dice, iou, diceDefective, iouDefective].map((value) => fixed(value)),
      ...[tp, tn, fp, fn],
      ...[tpr, tnr].map(percent),
    ])
  if (classId !== undefined) {
    const { dice, tpr, tnr } = publishedResult(classId)
    table.push(['published', fixed(dice, 3), ...Array(7).fill(''), percent(tpr), percent(tnr)])
  }
  const { images, defective, auroc, averagePrecision } = evaluation
  return [
    table.toString(),
    `${images} images, ${defective} defective · AUROC ${fixed(auroc)} · average precision ${fixed(averagePrecision)}`,
    "dice is what the reference calls IoU; 'def.' is over the defective images alone" +
      (classId === undefined
        ? ''
        : `; published: NVIDIA, class ${classId}, FP32, one GPU, threshold ${publishedThreshold}`),
  ].join('\n')
}
