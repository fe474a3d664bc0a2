import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { SegmentationResult } from '@unet-industrial/adaptive-loss'
import { writeAtomically } from '../files'
import type { Options } from '../options/schema'
import { type Evaluation, type Picked, referenceThreshold } from './evaluation'
import type { EvaluateLine } from './metrics-log'
import { now } from './metrics-log'
import type { RunFolder } from './run-folder'
import { picturesOf, writePictures } from './sample-pictures'

/** An image in eval.json that has pictures: `samples/<pictures>-image.png`, `-mask.png`, `-sheet.png`, … */
interface PictureEntry {
  pictures: string
  name: string
  defective: boolean
  /** At the reference's threshold. */
  dice: number
  /** The highest probability in the image. */
  score: number
}

/** eval.json: the result, what it was measured on, and the images that were picked for pictures. */
export interface EvaluationFile extends SegmentationResult {
  checkpoint: { run: string; step: number }
  data: Pick<Options, 'datasetName' | 'classId' | 'imageSize' | 'syntheticDifficulty'>
  worst: PictureEntry[]
  best: PictureEntry[]
}

/** Writes eval.json and the pictures of the best and worst images into a run; returns what eval.json says. */
export function writeEvaluation(run: RunFolder, step: number, options: Options, evaluation: Evaluation) {
  for (const name of readdirSync(run.samples)) if (/^(worst|best)-/.test(name)) rmSync(join(run.samples, name))
  const { datasetName, classId, imageSize, syntheticDifficulty } = options
  const save = (kind: string) => (picked: Picked, i: number) => savePictures(run, options, `${kind}-${i + 1}`, picked)
  const file: EvaluationFile = {
    ...evaluation.result,
    checkpoint: { run: run.name, step },
    data: { datasetName, classId, imageSize, syntheticDifficulty },
    worst: evaluation.worst.map(save('worst')),
    best: evaluation.best.map(save('best')),
  }
  writeAtomically(join(run.path, 'eval.json'), `${JSON.stringify(file, null, 2)}\n`)
  if (options.saveEvalResultsToJson)
    writeAtomically(join(run.path, 'results.json'), `${JSON.stringify(referenceResults(file), null, 2)}\n`)
  return file
}

function savePictures(run: RunFolder, options: Options, prefix: string, { metrics, seen }: Picked): PictureEntry {
  writePictures(run.samples, prefix, picturesOf(seen, options.normalization))
  const { name = String(metrics.index), defective, score, thresholds } = metrics
  return { pictures: prefix, name, defective, dice: thresholds[referenceThreshold]!.dice, score }
}

/** The reference's results.json: four thresholds, numbers as text; its "IoU" is dice. */
function referenceResults({ thresholds }: SegmentationResult) {
  const column = (of: 'dice' | 'tpr' | 'tnr') =>
    Object.fromEntries(['0.75', '0.85', '0.95', '0.99'].map((at) => [at, String(thresholds[at]![of] ?? Number.NaN)]))
  return { IoU: column('dice'), TPR: column('tpr'), TNR: column('tnr') }
}

/** An evaluation's line of metrics.jsonl. */
export function evaluateLine(step: number, { images, defective, thresholds, auroc }: SegmentationResult): EvaluateLine {
  const { dice, diceDefective, iou, tpr, tnr } = thresholds[referenceThreshold]!
  return { type: 'evaluate', step, images, defective, dice, diceDefective, iou, tpr, tnr, auroc, time: now() }
}
