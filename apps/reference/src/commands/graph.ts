import { extname } from 'node:path'
import { init } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../backends'
import { type Format, type Report, show, write, writeGraphs } from '../graph/files'
import { type Mode, recordStep } from '../graph/record'
import { checkStage, graphAt, stagesOf } from '../graph/stages'
import { stagesTable, summarizeStage } from '../graph/summary'
import type { Request } from '../options/parse'
import type { Options } from '../options/schema'
import { say } from '../say'

/**
 * Shows what the compiler makes of a training step and of a prediction: a line a pass, and files of all graphs; or one
 * graph, where a flag asks for it.
 */
export async function graph({ options }: Request): Promise<void> {
  const { mode, pass, after, format, output } = options
  checkStage(options)
  await init({ environment: {} }) // alone, so that nothing of a step goes to other processes
  await selectBackend('cpu', 'training')
  if ([pass, after, format, output].some((given) => given !== undefined)) showOne(options, mode ?? 'training')
  else showAll(options, mode ? [mode] : ['training', 'inference'])
}

const titleOf = ({ imageSize, batchSize }: Options, mode: Mode) =>
  `${mode}, ${imageSize}x${imageSize}, batch ${batchSize}`

function showOne(options: Options, mode: Mode): void {
  const { output, format = formatOf(output) } = options
  const { graph, outputs } = recordStep(options, mode)
  const shown = show(graphAt(graph, options), format, { title: titleOf(options, mode), outputs })
  if (output === undefined) process.stdout.write(shown)
  else write(output, shown)
}

const formatOf = (file = ''): Format =>
  (({ '.svg': 'svg', '.html': 'html', '.htm': 'html' }) as const)[extname(file)] ?? 'text'

function showAll(options: Options, modes: readonly Mode[]): void {
  const reports = modes.map((mode): Report => {
    const recorded = recordStep(options, mode)
    const stages = stagesOf(recorded.graph)
    const title = titleOf(options, mode)
    return { mode, title, recorded, stages, summaries: stages.map(summarizeStage) }
  })
  const index = writeGraphs(options.outputDir, reports)
  if (options.json) {
    say(JSON.stringify(Object.fromEntries(reports.map(({ mode, summaries }) => [mode, summaries]))))
    return
  }
  for (const { title, summaries } of reports) say(`${title}\n${stagesTable(summaries)}\n`)
  say(`graphs as text and as pictures: ${index}`)
}
