import type { TensorType } from '../../ir/graph'
import { type Positional, sameShape } from '../operation'
import { operationOf } from '../registry'
import type { ElementwiseAttributes } from './elementwise'

/** Is it an operation that ends a sweep? What it gives has not the sweep's shape. */
export const isReduction = (op: string): boolean => op === 'Sum' || op === 'Mean'

/** A part of an `Elementwise` node that goes over memory once, by itself. */
export interface Sweep {
  /** What it goes over; every input broadcasts to it. */
  readonly shape: readonly number[]
  /** Numbers of the node's inputs that it reads, in order. */
  readonly inputs: readonly number[]
  /** Numbers of its steps among the node's, in order; a constant may be in several sweeps. */
  readonly steps: readonly number[]
  /** Numbers of the node's outputs that it makes. */
  readonly results: readonly number[]
}

/**
 * The sweeps of an `Elementwise` node. In one sweep is what hangs together: steps that read another's value, or the same input
 * in its full shape.
 */
export function sweepsOf(inputs: Positional<TensorType>, { steps, results }: ElementwiseAttributes): Sweep[] {
  const types = [...inputs]
  const shapes = steps.map(({ op, inputs: operands, attributes }) => {
    const given = operands.map((operand) => (operand === null ? null : types[operand]!))
    const type = operationOf(op).infer(given, attributes)[0]!
    types.push(type)
    return isReduction(op) ? given[0]!.shape : type.shape
  })
  const parent = types.map((_, value) => value) // a forest of values: those of one sweep have one root
  const root = (value: number): number => {
    while (parent[value] !== value) value = parent[value]!
    return value
  }
  const isConstant = (value: number) => steps[value - inputs.length]?.op === 'Fill'
  for (const [i, { inputs: operands }] of steps.entries())
    for (const operand of operands) {
      const joins =
        operand !== null &&
        !isConstant(operand) &&
        (operand >= inputs.length || sameShape(types[operand]!.shape, shapes[i]!))
      if (joins) parent[root(operand)] = root(inputs.length + i)
    }

  const sweeps = new Map<number, { inputs: Set<number>; steps: Set<number>; shape: readonly number[] }>()
  for (const [i, { inputs: operands }] of steps.entries()) {
    const value = inputs.length + i
    if (isConstant(value)) continue
    const sweep = sweeps.get(root(value)) ?? { inputs: new Set(), steps: new Set(), shape: shapes[i]! }
    sweeps.set(root(value), sweep)
    for (const operand of operands) {
      if (operand !== null && operand < inputs.length) sweep.inputs.add(operand)
      if (operand !== null && isConstant(operand)) sweep.steps.add(operand - inputs.length)
    }
    sweep.steps.add(i)
  }
  return [...sweeps].map(([of, sweep]) => ({
    shape: sweep.shape,
    inputs: ascending(sweep.inputs),
    steps: ascending(sweep.steps),
    results: [...results.keys()].filter((i) => root(results[i]!) === of),
  }))
}

const ascending = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b)
