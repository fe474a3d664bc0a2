import '@tensorflow/tfjs-backend-cpu'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { checkGraph, defaultPasses, optimize } from '../../src/index'
import { expectSameOutputs } from '../support/passes'
import { type RandomGraph, randomGraphs } from '../support/random-graph'

/**
 * Passes give the same bits, but for one: a sum of stacked scalars is added up in another order. So that its last bits do not
 * decide about anything, its graphs are without comparisons and the like.
 */
const TOLERANCE: Record<string, number> = { canonicalise: 1e-5 }

const check = (name: string, { graph, inputs }: RandomGraph, passes: typeof defaultPasses) => {
  const next = optimize(graph, { passes })
  checkGraph(next)
  expectSameOutputs(next, graph, inputs, TOLERANCE[name] ?? 0)
}

describe.each(defaultPasses)('$name', ({ name, pass }) => {
  test('random graphs keep their values', () => {
    fc.assert(
      fc.property(randomGraphs({ discontinuous: !(name in TOLERANCE) }), (random) =>
        check(name, random, [{ name, pass }]),
      ),
      { numRuns: 40 },
    )
  })
})

test('all passes one after the other', () => {
  fc.assert(
    fc.property(randomGraphs({ discontinuous: false }), (random) => check('canonicalise', random, defaultPasses)),
    { numRuns: 200 },
  )
})
