import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { EvaluateLine, MetricsLine, StartLine, TrainLine } from '../training/metrics-log'
import type { EvaluationFile } from '../training/results'

/** What a run's folder holds of interest to its report. What is not there yet is undefined or empty. */
export interface RunFiles {
  name: string
  path: string
  config: Record<string, unknown>
  start: StartLine | undefined
  train: TrainLine[]
  evaluations: EvaluateLine[]
  evaluation: EvaluationFile | undefined
  /** Names of the samples of training, `step-00000500`, oldest first. */
  samples: string[]
}

/** Reads a run's folder. @throws where a file is not JSON, naming it */
export function readRun(path: string): RunFiles {
  const lines = readLines(join(path, 'metrics.jsonl'))
  const of = <T extends MetricsLine['type']>(type: T) =>
    lines.filter((line): line is Extract<MetricsLine, { type: T }> => line.type === type)
  return {
    name: basename(resolve(path)),
    path,
    config: readJson(join(path, 'config.json')) ?? {},
    start: of('start').at(-1),
    train: of('train'),
    evaluations: of('evaluate'),
    evaluation: readJson<EvaluationFile>(join(path, 'eval.json')),
    samples: [...new Set(list(join(path, 'samples')).flatMap((file) => /^step-\d+/.exec(file)?.[0] ?? []))].sort(),
  }
}

/** A picture of a run's samples/ as a data URI; undefined where there is none. */
export function pictureUri(path: string, prefix: string, name: string): string | undefined {
  const file = join(path, 'samples', `${prefix}-${name}.png`)
  return existsSync(file) ? `data:image/png;base64,${readFileSync(file).toString('base64')}` : undefined
}

const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : [])

function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? parse<T>(readFileSync(path, 'utf8'), path) : undefined
}

/** The lines of metrics.jsonl; the last may be half of one, when a run was killed. */
function readLines(path: string): MetricsLine[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  const rest = lines.pop()
  if (rest?.endsWith('}')) lines.push(rest)
  return lines.filter(Boolean).map((line, i) => parse(line, `${path}, line ${i + 1}`))
}

function parse<T>(text: string, where: string): T {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${where} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}
