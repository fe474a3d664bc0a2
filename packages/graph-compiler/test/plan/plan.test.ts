import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  bytesOf,
  defaultOverwrites,
  dense,
  type Graph,
  isView,
  type Node,
  type Overwrites,
  optimize,
  overwritesNothing,
  planMemory,
  typeOf,
  type Value,
} from '../../src/index'
import { graphOf, one } from '../support/passes'
import { randomGraphs } from '../support/random-graph'
import { simulate } from '../support/simulate-plan'

const OPERATIONS = ['Input', 'Reshape', 'Identity', 'Any', 'InPlace'] as const

/** Graphs of any shape; operations mean nothing to a plan but for views. `InPlace` may write each output over any input. */
const anyGraphs: fc.Arbitrary<Graph> = fc
  .array(
    fc.record({
      op: fc.constantFrom(...OPERATIONS),
      reads: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      sizes: fc.array(fc.constantFrom(1, 8, 100), { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .chain((recipe) => {
    const nodes: Node[] = []
    const values: Value[] = []
    for (const { op: wanted, reads, sizes } of recipe) {
      const op = values.length === 0 ? 'Input' : wanted
      const read = op === 'Input' ? [] : reads.map((i) => values[i % values.length]!)
      const view = isView({ op, inputs: [], attributes: {}, types: [] })
      const inputs = view ? read.slice(0, 1) : read
      const types = view ? [typeOf({ nodes, outputs: [] }, inputs[0]!)] : sizes.map((size) => dense([size]))
      nodes.push({ op, inputs, attributes: {}, types: op === 'Input' ? types.slice(0, 1) : types })
      for (const output of nodes.at(-1)!.types.keys()) values.push({ node: nodes.length - 1, output })
    }
    return fc
      .array(fc.constantFrom(...values), { minLength: 1, maxLength: 5 })
      .map((outputs): Graph => ({ nodes, outputs }))
  })

const inPlace: Overwrites = (_, { op, inputs, types }) => types.map(() => (op === 'InPlace' ? [...inputs.keys()] : []))

test('no value is overwritten while it is needed: graphs of any shape', () => {
  fc.assert(
    fc.property(
      anyGraphs,
      fc.array(fc.nat(10)),
      fc.constantFrom(inPlace, overwritesNothing),
      (graph, donated, overwrites) => {
        const plan = planMemory(graph, { bytes: bytesOf, donated, overwrites })
        simulate(plan, overwrites)
        expect(plan.arenaBytes).toBeGreaterThanOrEqual(plan.liveBytes)
        const taken = plan.donors.filter((donor) => donor !== null)
        expect(new Set(taken).size, 'each donor once').toBe(taken.length)
        for (const donor of taken) expect(donated).toContain(donor)
      },
    ),
    { numRuns: 1000 },
  )
})

test('no value is overwritten while it is needed: programs', () => {
  fc.assert(
    fc.property(randomGraphs({ steps: 20 }), ({ graph }) => {
      simulate(planMemory(optimize(graph), { bytes: bytesOf, donated: [0, 1, 2, 3] }), defaultOverwrites)
    }),
    { numRuns: 100 },
  )
})

const chain = graphOf((b) => {
  let x = one(b, 'MaxPool', [b.input(dense([1, 4, 4, 1]))], { filterSize: [1, 1], strides: [1, 1], pad: 'valid' })
  for (let i = 0; i < 5; i++) x = one(b, 'Transpose', [x], { perm: [0, 2, 1, 3] })
  return [one(b, 'Sum', [x], { axis: null, keepDims: false })]
})

test('a chain takes two places, and one where each operation may write over its input', () => {
  const size = 64
  expect(planMemory(chain, { bytes: bytesOf }).arenaBytes).toBe(2 * size)
  const over: Overwrites = (_, { types }) => types.map(() => [0])
  expect(planMemory(chain, { bytes: bytesOf, overwrites: over }).arenaBytes).toBe(size)
})

test('what lets values die runs first, if that needs less memory', () => {
  const graph = graphOf((b) => {
    const sum = (x: Value) => one(b, 'Sum', [x], { axis: null, keepDims: false })
    const large = [1, 2, 3].map(() => one(b, 'Tile', [b.input(dense([1]))], { reps: [100] }))
    return large.map(sum)
  })
  expect(planMemory(graph, { bytes: bytesOf }).arenaBytes).toBe(448)
})

test('outputs that are inputs, or the same value, are copies', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([4]))
    const y = one(b, 'Exp', [x])
    return [x, y, y, one(b, 'Reshape', [y], { shape: [2, 2] })]
  })
  const plan = planMemory(graph, { bytes: bytesOf })
  simulate(plan, defaultOverwrites)
  expect(plan.graph.nodes.filter((node) => isView(node))).toHaveLength(3)
})
