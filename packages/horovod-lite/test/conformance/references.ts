import type { DataType } from '@tensorflow/tfjs-core'
import type { ReduceOp } from '@unet-industrial/horovod-lite'
import { total, truth } from './tools'

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
  const places = [...own[0]!.keys()]
  if (op === 'Average') {
    const averages = places.map((i) => total(own.map((values) => values[i]!)) / own.length)
    return dtype === 'int32' ? averages.map((average) => Math.trunc(average) + 0) : averages
  }
  const operation = operations[dtype === 'complex64' ? 'float32' : dtype]![op]
  return places.map((i) => own.map((values) => values[i]!).reduce((a, b) => operation(a, b)))
}

/** dtypes and the reductions that they have. */
export const REDUCTIONS: [DataType, ReduceOp[]][] = [
  ['float32', ['Sum', 'Average', 'Min', 'Max', 'Product']],
  ['int32', ['Sum', 'Average', 'Min', 'Max', 'Product']],
  ['bool', ['Sum', 'Min', 'Max', 'Product']],
  ['complex64', ['Sum', 'Average']],
]

export const DTYPES: DataType[] = ['float32', 'int32', 'bool', 'complex64']
