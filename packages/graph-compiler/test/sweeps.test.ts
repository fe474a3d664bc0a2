import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultOverwrites, dense, type ElementwiseAttributes, type Graph, sweepsOf, typeOf } from '../src/index'
import { elementwise } from '../src/passes/elementwise'
import { graphOf, one } from './support/passes'
import { randomGraphs } from './support/random-graph'

const nodeOf = (graph: Graph) => {
  const node = graph.nodes.find(({ op }) => op === 'Elementwise')!
  const types = node.inputs.map((input) => typeOf(graph, input!))
  return { node, types, attributes: node.attributes as unknown as ElementwiseAttributes }
}

const graph = elementwise(
  graphOf((b) => {
    const [x, y, bias] = [b.input(dense([2, 3])), b.input(dense([2, 3])), b.input(dense([3]))]
    const third = one(b, 'Fill', [], { shape: [], value: 1 / 3, dtype: 'float32' })
    const shifted = one(b, 'Add', [x, bias])
    return [
      one(b, 'Multiply', [shifted, third]),
      one(b, 'Sum', [one(b, 'Sub', [x, y])], { axis: null, keepDims: false }),
      one(b, 'Multiply', [one(b, 'Exp', [bias]), third]),
    ]
  }),
)

test('what hangs together is one sweep; a constant may be in several', () => {
  const { types, attributes } = nodeOf(graph)
  const named = sweepsOf(types, attributes).map(({ shape, inputs, steps, results }) => ({
    shape,
    inputs,
    steps: steps.map((step) => attributes.steps[step]!.op),
    results,
  }))
  expect(named).toEqual([
    { shape: [2, 3], inputs: [0, 1, 2], steps: ['Fill', 'Add', 'Multiply', 'Sub', 'Sum'], results: [0, 1] },
    { shape: [3], inputs: [1], steps: ['Fill', 'Exp', 'Multiply'], results: [2] },
  ])
})

test('a result may be written over an input that its sweep alone reads, element by element', () => {
  const { node } = nodeOf(graph)
  expect(defaultOverwrites(graph, node)).toEqual([[0, 2], [], []])
})

test('every step and result is in a sweep, and reads what is there', () => {
  fc.assert(
    fc.property(randomGraphs({ steps: 20 }), ({ graph: recorded }) => {
      const graph = elementwise(recorded)
      for (const { op, inputs, attributes } of graph.nodes) {
        if (op !== 'Elementwise') continue
        const { steps, results } = attributes as unknown as ElementwiseAttributes
        const sweeps = sweepsOf(
          inputs.map((input) => typeOf(graph, input!)),
          { steps, results },
        )
        expect(sweeps.flatMap((sweep) => sweep.results).sort((a, b) => a - b)).toEqual([...results.keys()])
        expect(new Set(sweeps.flatMap((sweep) => sweep.steps)).size).toBe(steps.length)
        for (const sweep of sweeps)
          for (const step of sweep.steps)
            for (const value of steps[step]!.inputs) {
              if (value! < inputs.length) expect(sweep.inputs).toContain(value)
              else expect(sweep.steps).toContain(value! - inputs.length)
            }
      }
    }),
    { numRuns: 200 },
  )
})
