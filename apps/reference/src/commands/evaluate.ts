import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TinyUNet } from '@unet-industrial/tinyunet-model'
import { selectBackend } from '../backends'
import { makeFolder, writeAtomically } from '../files'
import { command } from '../options/commands'
import { readConfigFile } from '../options/config-file'
import type { Request } from '../options/parse'
import { type Options, schema } from '../options/schema'
import { writeReport } from '../report/html'
import { evaluationTable } from '../report/table'
import { say, sayAside } from '../say'
import { loadModel } from '../training/checkpoint'
import { openSamples, testSet } from '../training/data'
import { evaluateModel } from '../training/evaluation'
import { MetricsLog } from '../training/metrics-log'
import { showCount } from '../training/progress'
import { evaluateLine, writeEvaluation } from '../training/results'
import { locate, type RunFolder } from '../training/run-folder'
import { SpeedMeter } from '../training/speed'

/** `evaluate`: a checkpoint on all test images; data and sizes are the run's own where the command line has none. */
export async function evaluate({ command: name, options, given }: Request): Promise<void> {
  const { run, checkpoint } = locate(options.resultsDir, options.checkpoint)
  const config = join(run.path, 'config.json')
  const saved = existsSync(config) ? readConfigFile(config) : {}
  const merged = schema.parse({ ...command(name).defaults, ...saved, backend: 'auto', ...given })
  await selectBackend(merged.backend, 'inference', merged.threads)
  const { model, state } = await loadModel(checkpoint)
  await evaluateRun(model, merged, run, state.step)
  await writeReport(run.path)
}

/** Evaluates a model on the options' test images; writes eval.json, pictures and metrics into its run, prints the table. */
export async function evaluateRun(model: TinyUNet, options: Options, run: RunFolder, step: number): Promise<void> {
  const tell = options.json ? sayAside : say
  const samples = await openSamples(options, 'test', tell)
  const dataset = await testSet(options, samples, tell)
  try {
    const speed = new SpeedMeter(0, options.batchSize, options.warmupStep)
    tell(`evaluating step ${step} of ${run.path} on ${dataset.size} images`)
    const bar = showCount(dataset.size, 'images')
    const evaluation = await evaluateModel(model, dataset, speed, (done) => bar.update(done)).finally(() => bar.stop())
    makeFolder(run.samples)
    const file = writeEvaluation(run, step, options, evaluation)
    writeAtomically(join(run.path, 'performances_eval.json'), JSON.stringify(speed.performances()))
    const log = new MetricsLog(join(run.path, 'metrics.jsonl'), options.logDir)
    log.write(evaluateLine(step, file))
    log.close()
    const isDagm = options.datasetName === 'DAGM2007'
    say(options.json ? JSON.stringify(file) : evaluationTable(file, isDagm ? options.classId : undefined))
  } finally {
    dataset.dispose()
  }
}
