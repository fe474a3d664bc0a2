import type { DataType } from '@tensorflow/tfjs-core'
import type { ReduceOp } from '@unet-industrial/horovod-lite'
import { truth } from './tools'

type Operation = (a: number, b: number) => number

const operations: Record<string, Record<Exclude<ReduceOp, 'Average'>, Operation>> = {
  float32: {
    Sum: (a, b) => Math.fround(a + b),
    Product: (a, b) => Math.fround(a * b),
    Min: Math.min,
    Max: Math.max,
  },
  int32: { Sum: (a, b) => (a + b) | 0, Product: Math.imul, Min: Math.min, Max: Math.max },
  bool: { Sum: (a, b) => a | b, Max: (a, b) => a | b, Product: (a, b) => a & b, Min: (a, b) => a & b },
}

/** What the reduction of all ranks' numbers must give, in the order of ranks. Averages are not rounded. */
export function reduced(op: ReduceOp, ofRanks: readonly (readonly number[])[], dtype: DataType): number[] {
  const own = dtype === 'bool' ? ofRanks.map((values) => values.map(truth)) : ofRanks
  const operation: Operation =
    op === 'Average' ? (a, b) => a + b : operations[dtype === 'complex64' ? 'float32' : dtype]![op]
  const result = [...own[0]!]
  for (const values of own.slice(1))
    for (let i = 0; i < result.length; i++) result[i] = operation(result[i]!, values[i]!)
  if (op !== 'Average') return result
  const round = dtype === 'int32' ? Math.trunc : (value: number) => value
  return result.map((sum) => round(sum / own.length) + 0) // never −0
}

/** dtypes and the reductions that they have. */
export const REDUCTIONS: [DataType, ReduceOp[]][] = [
  ['float32', ['Sum', 'Average', 'Min', 'Max', 'Product']],
  ['int32', ['Sum', 'Average', 'Min', 'Max', 'Product']],
  ['bool', ['Sum', 'Min', 'Max', 'Product']],
  ['complex64', ['Sum', 'Average']],
]

export const DTYPES: DataType[] = ['float32', 'int32', 'bool', 'complex64']
