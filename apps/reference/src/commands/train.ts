import type { Request } from '../options/parse'
import { writeReport } from '../report/html'
import { say } from '../say'
import { exitCodes } from '../training/interrupt'
import { runTraining, type Trained } from '../training/session'
import { inWorld, isWriter } from '../training/world'
import { evaluateRun } from './evaluate'

/** `train`: trains, and writes the report. */
export const train = (request: Request): Promise<void> =>
  inWorld(async () => {
    const trained = await runTraining(request)
    if (endedEarly(request, trained) || !isWriter()) return
    say(`report: ${await writeReport(trained.run.path)}`)
  })

/** `train-and-evaluate`, and `demo` with its own defaults: trains, evaluates on all test images, writes the report. */
export const trainAndEvaluate = (request: Request): Promise<void> =>
  inWorld(async () => {
    const trained = await runTraining(request)
    if (endedEarly(request, trained)) return
    const { options, run, recipe, step } = trained
    await evaluateRun(recipe.model, options, run, step)
    if (isWriter()) say(`report: ${await writeReport(run.path)}`)
  })

/** Says how to go on where a signal ended the training. */
function endedEarly({ command, options: { resultsDir } }: Request, { run, step, signal }: Trained): boolean {
  if (!signal) return false
  const where = resultsDir === 'runs' ? '' : ` --results-dir ${resultsDir}`
  say(`stopped after step ${step} and saved; go on with: unet-industrial ${command}${where} --resume ${run.name}`)
  process.exitCode = exitCodes[signal]
  return true
}
