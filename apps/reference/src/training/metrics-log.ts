import { appendFileSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { cannotWrite, writeAtomically } from '../files'

/** A line of metrics.jsonl every ten steps. */
export interface TrainLine {
  type: 'train'
  /** Steps done, from 1. */
  step: number
  /** Passes over the training images done, a fraction. */
  epoch: number
  /** What is minimised: the batch's loss plus weight decay. */
  loss: number
  /** The term that weight decay adds. */
  weightDecay: number
  /** Soft dice coefficient of the batch. */
  dice: number
  /** Which branch the adaptive loss took; null for other losses. */
  branch: 'bce' | 'dice' | null
  learningRate: number
  lossScale: number
  imagesPerSecond: number
  /** Seconds since 1970. */
  time: number
}

/** One evaluation of all test images at the reference's threshold, 0.75. */
export interface EvaluateLine {
  type: 'evaluate'
  step: number
  images: number
  defective: number
  dice: number | null
  diceDefective: number | null
  iou: number | null
  tpr: number | null
  tnr: number | null
  auroc: number | null
  time: number
}

/** What a run found when it started or went on. */
export interface StartLine {
  type: 'start'
  step: number
  totalSteps: number
  trainingImages: number
  imageShape: number[]
  parameters: number
  backend: string
  /** Where several processes train. */
  ranks?: number
  transport?: string
  version: string
  node: string
  time: number
}

export type MetricsLine = StartLine | TrainLine | EvaluateLine

export const now = () => Date.now() / 1000

/** metrics.jsonl of a run: one JSON object a line, appended as it happens. */
export class MetricsLog {
  private readonly file: number

  /**
   * @param path metrics.jsonl
   * @param copy another file that gets the same lines (the reference's --log_dir)
   */
  constructor(
    private readonly path: string,
    private readonly copy?: string,
  ) {
    try {
      this.file = openSync(path, 'a')
      if (copy) appendFileSync(copy, '')
    } catch (error) {
      throw cannotWrite(path, error)
    }
  }

  write(line: MetricsLine): void {
    const text = `${JSON.stringify(line)}\n`
    try {
      writeFileSync(this.file, text)
      if (this.copy) appendFileSync(this.copy, text)
    } catch (error) {
      throw cannotWrite(this.path, error)
    }
  }

  close(): void {
    closeSync(this.file)
  }
}

/** Cuts metrics.jsonl back to what had happened when a checkpoint was written. */
export function cutMetrics(path: string, step: number): void {
  if (!existsSync(path)) return
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => {
      try {
        return (JSON.parse(line) as MetricsLine).step <= step
      } catch {
        return false // the line that a killed run was writing
      }
    })
  writeAtomically(path, lines.map((line) => `${line}\n`).join(''))
}
