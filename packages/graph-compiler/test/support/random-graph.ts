import fc from 'fast-check'
import { type Graph, inputNodes, printGraph, sizeOf, type TensorType, type Values } from '../../src/index'
import { Growing } from './growing'
import { recipes } from './recipes'

// Random graphs of recorded operations for property tests: of this package, its passes, and of backends.

/** A sound graph and values for its inputs. */
export interface RandomGraph {
  readonly graph: Graph
  readonly inputs: readonly Values[]
}

export interface RandomGraphOptions {
  /** Steps of growth, each of a few nodes. Default 12. */
  steps?: number
  /**
   * With comparisons, rounding and the like, in which a tiny difference of what goes in becomes a large one. Default
   * true.
   */
  discontinuous?: boolean
}

/**
 * Numbers stay small (no overflow, no NaN), images are at most some thousand values. All values that nothing reads are
 * outputs.
 */
export const randomGraphs = ({
  steps = 12,
  discontinuous = true,
}: RandomGraphOptions = {}): fc.Arbitrary<RandomGraph> =>
  fc
    .tuple(fc.array(fc.array(fc.nat(1 << 12), { minLength: 8, maxLength: 8 }), { maxLength: steps }), fc.nat())
    .map(([choices, seed]) => {
      const graph = grow(choices, discontinuous)
      return named({ graph, inputs: randomInputs(graph, seed) })
    })

function grow(choices: readonly number[][], discontinuous: boolean): Graph {
  const growing = new Growing(discontinuous)
  const [first = []] = choices
  growing.choose(first)
  growing.input([
    growing.one([1, 2]),
    growing.one([4, 2, 6, 8, 5]),
    growing.one([4, 8, 3]),
    growing.one([1, 2, 16, 3, 32]),
  ])
  growing.input([growing.one([3, 1, 4]), growing.one([2, 5])])
  growing.input([])
  growing.input([4], 'int32')
  for (const step of choices.slice(1)) {
    growing.choose(step)
    growing.one(recipes)(growing)
  }
  const read = new Set<string>()
  const { nodes } = growing.builder.build([])
  for (const { inputs } of nodes) for (const value of inputs) if (value) read.add(`${value.node}.${value.output}`)
  const ends = growing.grown.filter(({ value: { node, output } }) => !read.has(`${node}.${output}`))
  return growing.builder.build(ends.map(({ value }) => value))
}

/** Values for a graph's inputs: floats in [−1, 1), 0 and 1 for bool, −3 … 3 for int32. The same for the same seed. */
export function randomInputs(graph: Graph, seed: number): Values[] {
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const values = (type: TensorType): Values => {
    const length = sizeOf(type)
    if (type.dtype === 'bool') return Uint8Array.from({ length }, () => Math.floor(2 * next()))
    if (type.dtype === 'int32') return Int32Array.from({ length }, () => Math.floor(7 * next()) - 3)
    return Float32Array.from({ length }, () => 2 * next() - 1)
  }
  return inputNodes(graph).map((node) => values(graph.nodes[node]!.types[0]!))
}

/** How fast-check shows a counterexample. */
const named = (random: RandomGraph): RandomGraph =>
  Object.assign(random, { [fc.toStringMethod]: () => `\n${printGraph(random.graph)}` })
