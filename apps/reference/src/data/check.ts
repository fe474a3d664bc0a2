import { checkDagm, type SplitReport } from '@unet-industrial/dagm-dataset'
import Table from 'cli-table3'
import type { Request } from '../options/parse'

/**
 * Prints what is there of each class beside the official numbers; of one class if it is named, else of all ten.
 *
 * --strict decodes every file too.
 *
 * @throws with --strict, where anything is missing or damaged
 */
export async function checkData(dataDir: string, { options, given }: Request): Promise<void> {
  const { strict } = options
  const reports = await checkDagm(dataDir, { classIds: given.classId ? [given.classId] : undefined, decode: strict })
  const there = reports.filter(({ layout }) => layout !== null)
  if (there.length === 0) throw new Error(reports[0]!.problems[0])
  console.log(countsTable(there))
  for (const problem of there.flatMap(({ problems }) => problems)) console.log(problem)
  const absent = reports.filter(({ layout }) => layout === null)
  if (absent.length > 0)
    console.log(`not there: ${absent.map(({ classId, split }) => `class ${classId} ${split}`).join(', ')}`)
  const incomplete = reports.filter(({ complete }) => !complete).length
  if (strict && incomplete > 0)
    throw new Error(`${dataDir}: ${incomplete} of ${reports.length} splits are not the official ones, see above`)
}

function countsTable(reports: SplitReport[]): string {
  const head = ['class', 'split', 'layout', 'images', 'official', 'defective', 'official', '']
  const table = new Table({
    head,
    colAligns: ['right', 'left', 'left', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  })
  for (const { classId, split, layout, images, defective, official, complete } of reports)
    table.push([
      classId,
      split,
      layout,
      ...[images, official.images, defective, official.defective],
      complete ? 'complete' : 'differs',
    ])
  return table.toString()
}
