import type { Attributes, TensorType, Value } from '../../ir/graph'
import { dense, type Operation, operation, type Positional } from '../operation'
import { findOperation } from '../registry'

/** One operation of a chain: elementwise, a constant (`Fill`, `ZerosLike`, …), or at its end `Sum` or `Mean`. */
export interface ElementwiseStep {
  op: string
  /** 0 … for the inputs, counting on through the steps before this one; null where an input is left out. */
  inputs: readonly (number | null)[]
  attributes: Attributes
}

/** What `Elementwise` has as attributes. */
export interface ElementwiseAttributes {
  steps: readonly ElementwiseStep[]
  /** What the outputs are: numbers as in a step's inputs. */
  results: readonly number[]
}

const NAME = 'Elementwise'
const REDUCTIONS = ['Sum', 'Mean']

/** Walks the steps; `run` says what one gives. */
function walk<T>(
  inputs: Positional<T>,
  { steps, results }: ElementwiseAttributes,
  run: (step: ElementwiseStep, x: Positional<T>) => T,
) {
  const values = [...inputs]
  const at = (i: number | null) => {
    if (i !== null && (!Number.isInteger(i) || i < 0 || i >= values.length))
      throw new Error(`${NAME}: got value ${i}, expected one of the ${values.length} before it`)
    return i === null ? null : values[i]!
  }
  for (const step of steps) values.push(run(step, step.inputs.map(at)))
  return results.map((i) => at(i)!)
}

/**
 * Elementwise operations one after the other, broadcasting as they do, with sums or means of what they give at the end,
 * in one sweep over memory. A result may be any step, also one that later steps read; what a sum or mean gives is a
 * result only.
 */
export const elementwiseChain: Operation = operation({
  name: NAME,
  inputs: ['x...'],
  kind: 'elementwise',
  blocked: true,
  requires: ['steps', 'results'],
  infer({ x }, chain: ElementwiseAttributes) {
    const reduced = new Set<TensorType>()
    const step = ({ op, attributes }: ElementwiseStep, inputs: Positional<TensorType>) => {
      const entry = findOperation(op)
      const reduction = REDUCTIONS.includes(op)
      if (!entry || !(reduction || ['elementwise', 'constant'].includes(entry.kind)) || op === NAME)
        throw new Error(`${NAME}: got a step ${op}, expected an elementwise operation, ${REDUCTIONS.join(' or ')}`)
      if (inputs.some((type) => type && reduced.has(type)))
        throw new Error(`${NAME}: got a step ${op} of a sum or mean, expected those to be results only`)
      const { shape, dtype, layout } = entry.infer(inputs, attributes)[0]!
      const type = { shape, dtype, layout } // an object of its own, to tell a sum from an equal type
      if (reduction) reduced.add(type)
      return type
    }
    return walk(x, chain, step).map(({ shape, dtype }) => dense(shape, dtype))
  },
  flops({ x }, _, chain) {
    let sum = 0
    walk<TensorType>(x, chain, ({ op, attributes }, inputs) => {
      const entry = findOperation(op)!
      const types = entry.infer(inputs, attributes)
      sum += entry.flops(inputs, types, attributes)
      return types[0]!
    })
    return sum
  },
  expand: (graph, { x }, chain) =>
    walk<Value>(x, chain, ({ op, inputs: _, attributes }, inputs) => graph.add(op, inputs, attributes)[0]!),
})
