import { bytesOf, costOf, type Graph, operationOf, planMemory } from '@unet-industrial/graph-compiler'
import Table from 'cli-table3'
import type { Stage } from './stages'

/** What a graph is made of. */
export interface StageSummary {
  pass: string
  changed: boolean
  /** Inputs included. */
  nodes: number
  /** Nodes by kind of operation, the most frequent first; inputs and views, which cost nothing, left out. */
  kinds: Record<string, number>
  /** 10⁹ floating-point operations of the plain algorithms. */
  gflop: number
  /** Bytes that all operations read and write, each operand once. */
  movedBytes: number
  /** Of the one block between inputs and outputs, as the memory plan packs it. */
  arenaBytes: number
}

export function summarizeStage({ name, graph, changed }: Stage): StageSummary {
  const costs = graph.nodes.map((_, node) => costOf(graph, node))
  return {
    pass: name,
    changed,
    nodes: graph.nodes.length,
    kinds: kindsOf(graph),
    gflop: costs.reduce((sum, { flops }) => sum + flops, 0) / 1e9,
    movedBytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
    arenaBytes: planMemory(graph, { bytes: bytesOf }).arenaBytes,
  }
}

function kindsOf({ nodes }: Graph): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { op } of nodes) {
    const { kind } = operationOf(op)
    if (kind !== 'input' && kind !== 'view') counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a))
}

/** The stages of one graph as a table for the terminal. */
export function stagesTable(stages: readonly StageSummary[]): string {
  const kinds = [...new Set(stages.flatMap(({ kinds }) => Object.keys(kinds)))]
  const table = new Table({
    head: ['after', 'nodes', ...kinds, 'GFLOP', 'moved, GB', 'arena, GB'],
    colAligns: ['left', ...Array<'right'>(kinds.length + 4).fill('right')],
    style: { head: [], border: [], compact: true },
  })
  for (const stage of stages)
    table.push(
      stage.changed
        ? [
            stage.pass,
            stage.nodes,
            ...kinds.map((kind) => stage.kinds[kind] ?? ''),
            stage.gflop.toFixed(2),
            (stage.movedBytes / 1e9).toFixed(2),
            (stage.arenaBytes / 1e9).toFixed(2),
          ]
        : [stage.pass, '=', ...Array<string>(kinds.length + 3).fill('')],
    )
  return table.toString()
}
