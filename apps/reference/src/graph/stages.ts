import { defaultPasses, type Graph, optimize } from '@unet-industrial/graph-compiler'
import { UsageError } from '../options/errors'
import { didYouMean } from '../options/names'

/** A graph on its way through the compiler. */
export interface Stage {
  /** `recorded`, or the pass that made it. */
  name: string
  graph: Graph
  /** False where the pass found nothing to do. */
  changed: boolean
}

/** The graph as recorded, then after each pass. */
export function stagesOf(recorded: Graph): Stage[] {
  const stages: Stage[] = []
  optimize(recorded, {
    onPass: (name, graph) => stages.push({ name, graph, changed: graph !== stages.at(-1)?.graph }),
  })
  return stages
}

const passNames = defaultPasses.map(({ name }) => name)

/** The graph that --pass or --after asks for; without them what the compiler makes of it in the end. */
export function graphAt(recorded: Graph, { pass, after }: { pass?: string; after?: string }): Graph {
  if (pass !== undefined) return optimize(recorded, { passes: [defaultPasses[known('--pass', pass, passNames)]!] })
  if (after === undefined) return optimize(recorded)
  const number = known('--after', after, ['recorded', ...passNames])
  return optimize(recorded, { passes: defaultPasses.slice(0, number) })
}

/** @throws UsageError for passes that do not exist, or both flags */
export function checkStage({ pass, after }: { pass?: string; after?: string }): void {
  if (pass !== undefined && after !== undefined)
    throw new UsageError(
      `got --pass ${pass} and --after ${after}, expected one of them: a pass alone, or it and all before it`,
    )
  if (pass !== undefined) known('--pass', pass, passNames)
  if (after !== undefined) known('--after', after, ['recorded', ...passNames])
}

function known(flag: string, name: string, names: readonly string[]): number {
  if (!names.includes(name))
    throw new UsageError(`${flag}: got ${name}, expected one of ${names.join(', ')}${didYouMean(name, names)}`)
  return names.indexOf(name)
}
