import '@tensorflow/tfjs-backend-cpu'
import { expect } from 'vitest'
import {
  checkGraph,
  type Graph,
  GraphBuilder,
  interpret,
  printGraph,
  type TensorType,
  type Value,
  type Values,
} from '../../src/index'
import type { Pass } from '../../src/passes'
import { randomInputs } from './random-graph'

export const graphOf = (build: (graph: GraphBuilder) => Value[]): Graph => {
  const builder = new GraphBuilder()
  return builder.build(build(builder))
}

/** The one output of a new node. */
export const one = (graph: GraphBuilder, op: string, inputs: (Value | null)[], attributes = {}): Value =>
  graph.add(op, inputs, attributes)[0]!

export const inputTypes = ({ nodes }: Graph): TensorType[] =>
  nodes.filter(({ op }) => op === 'Input').map(({ types }) => types[0]!)

/**
 * What a pass makes of a graph, as text; after it was checked that the graph is sound, gives the same values, and that the pass
 * has nothing more to do.
 * @param tolerance of the values' difference, for each unit of their size; 0 where they must be the same bits
 */
export function passed(pass: Pass, graph: Graph, tolerance = 0): string {
  const next = pass(graph)
  checkGraph(next)
  expect(inputTypes(next), 'inputs').toEqual(inputTypes(graph))
  expectSameOutputs(next, graph, randomInputs(graph, 1), tolerance)
  expect(printGraph(pass(next)), 'a second time').toBe(printGraph(next))
  return `\n${printGraph(next).replace(/^%\d+ = Input.*\n/gm, '')}`
}

/**
 * Both graphs give the same values for the same inputs.
 * @param tolerance of the difference, for each unit of an output's largest value
 */
export function expectSameOutputs(got: Graph, expected: Graph, inputs: readonly Values[], tolerance: number): void {
  const [a, b] = [interpret(got, inputs), interpret(expected, inputs)]
  expect(a.length, 'outputs').toBe(b.length)
  for (const [i, values] of b.entries()) {
    const size = Math.max(0, ...Array.from(values, Math.abs))
    for (const [j, value] of values.entries()) {
      const difference = Object.is(a[i]![j], value) || a[i]![j] === value ? 0 : Math.abs(a[i]![j]! - value)
      if (!(difference <= tolerance * size)) expect.fail(`output ${i}, value ${j}: got ${a[i]![j]}, expected ${value}`)
    }
  }
}

/** How many nodes a graph has of each operation, but for inputs. */
export const countOperations = ({ nodes }: Graph): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { op } of nodes) if (op !== 'Input') counts[op] = (counts[op] ?? 0) + 1
  return counts
}
