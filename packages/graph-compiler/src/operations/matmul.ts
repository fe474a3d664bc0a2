import { broadcast_util } from '@tensorflow/tfjs-core'
import type { TensorType } from '../ir/graph'
import { dense, type Operation, operation, sizeOf, typeText } from './operation'

interface MatMul {
  transposeA: boolean
  transposeB: boolean
}

/** [outer dimensions, rows, columns] of op(x). */
function matrices({ shape }: TensorType, transposed: boolean): [number[], number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [shape.slice(0, -2), columns, rows] : [shape.slice(0, -2), rows, columns]
}

function product(op: string, a: TensorType, b: TensorType, { transposeA, transposeB }: MatMul): number[] {
  if (a.shape.length < 2 || b.shape.length < 2)
    throw new Error(`${op}: got ${typeText(a)} and ${typeText(b)}, expected at least two dimensions`)
  const [outerA, m, k] = matrices(a, transposeA)
  const [outerB, kb, n] = matrices(b, transposeB)
  if (k !== kb)
    throw new Error(`${op}: got inner sizes ${k} of ${typeText(a)} and ${kb} of ${typeText(b)}, expected one`)
  return [...broadcast_util.assertAndGetBroadcastShape(outerA, outerB), m, n]
}

const flops = (a: TensorType, y: TensorType, { transposeA }: MatMul) =>
  2 * sizeOf(y) * a.shape[a.shape.length - (transposeA ? 2 : 1)]!

export const products: Operation[] = [
  operation({
    name: 'BatchMatMul',
    inputs: ['a', 'b'],
    kind: 'matmul',
    canonical: ({ transposeA, transposeB }: MatMul) => ({
      transposeA: Boolean(transposeA),
      transposeB: Boolean(transposeB),
    }),
    infer: ({ a, b }, attributes) => dense(product('BatchMatMul', a, b, attributes), a.dtype),
    flops: ({ a }, [y], attributes) => flops(a, y!, attributes),
  }),
  operation({
    name: '_FusedMatMul',
    inputs: ['a', 'b', 'bias?', 'preluActivationWeights?'],
    kind: 'matmul',
    infer: ({ a, b }, attributes: MatMul) => dense(product('_FusedMatMul', a, b, attributes), a.dtype),
    flops: ({ a }, [y], attributes) => flops(a, y!, attributes) + 2 * sizeOf(y!),
  }),
]
