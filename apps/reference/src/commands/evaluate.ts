import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { broadcastVariables, rank, size } from '@unet-industrial/horovod-lite'
import { type TinyUNet, tinyUNet } from '@unet-industrial/tinyunet-model'
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
import { fromWriter, inWorld, isWriter, threadsOf } from '../training/world'

/** `evaluate`: a checkpoint on all test images; data and sizes are the run's own where the command line has none. */
export const evaluate = ({ command: name, options, given }: Request): Promise<void> =>
  inWorld(async () => {
    const { run, checkpoint, merged } = fromWriter(() => {
      const located = locate(options.resultsDir, options.checkpoint)
      const config = join(located.run.path, 'config.json')
      const saved = existsSync(config) ? readConfigFile(config) : {}
      return { ...located, merged: schema.parse({ ...command(name).defaults, ...saved, backend: 'auto', ...given }) }
    })
    await selectBackend(merged.backend, 'inference', threadsOf(merged))
    const loaded = isWriter() ? await loadModel(checkpoint) : undefined
    const { config, step } = fromWriter(() => ({ config: loaded!.model.config, step: loaded!.state.step }))
    const model = loaded?.model ?? tinyUNet(config)
    broadcastVariables(model.variables)
    await evaluateRun(model, merged, run, step)
    if (isWriter()) await writeReport(run.path)
  })

/** Evaluates a model on the options' test images; writes eval.json, pictures and metrics into its run, prints the table. */
export async function evaluateRun(model: TinyUNet, options: Options, run: RunFolder, step: number): Promise<void> {
  const tell = options.json ? sayAside : say
  const samples = await openSamples(options, 'test', tell)
  const dataset = await testSet(options, samples, { rank: rank(), size: size() }, tell)
  try {
    const speed = new SpeedMeter(0, options.batchSize * size(), options.warmupStep)
    tell(
      `evaluating step ${step} of ${run.path} on ${samples.length} images${size() > 1 ? ` with ${size()} processes` : ''}`,
    )
    const bar = isWriter() && dataset ? showCount(dataset.size, 'images') : undefined
    const evaluation = await evaluateModel(model, dataset, speed, (done) => bar?.update(done)).finally(() =>
      bar?.stop(),
    )
    if (!isWriter()) return
    makeFolder(run.samples)
    const file = writeEvaluation(run, step, options, evaluation)
    writeAtomically(join(run.path, 'performances_eval.json'), JSON.stringify(speed.performances()))
    const log = new MetricsLog(join(run.path, 'metrics.jsonl'), options.logDir)
    log.write(evaluateLine(step, file))
    log.close()
    const isDagm = options.datasetName === 'DAGM2007'
    say(options.json ? JSON.stringify(file) : evaluationTable(file, isDagm ? options.classId : undefined))
  } finally {
    dataset?.dispose()
  }
}
