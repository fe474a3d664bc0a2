// Products of matrices, or of batches of them.
import { broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core'
import { isFloat, register } from './register'

/** The matrices' dimensions [batch, rows, columns] of op(x). */
function matrices({ shape }: TensorInfo, transposed: boolean) {
  const [rows, columns] = shape.slice(-2) as [number, number]
  const batch = util.sizeFromShape(shape.slice(0, -2))
  return transposed ? [batch, columns, rows] : [batch, rows, columns]
}

export function registerMatMul(): void {
  register<'a' | 'b', { transposeA: boolean; transposeB: boolean }>('BatchMatMul', ({ a, b }, attributes, backend) => {
    const { transposeA, transposeB } = attributes
    if (!isFloat(a, b)) return undefined
    const [batchA, m, k] = matrices(a, transposeA) as [number, number, number]
    const [batchB, kb, n] = matrices(b, transposeB) as [number, number, number]
    const batch = Math.max(batchA, batchB)
    const repeatable = (size: number) => size === batch || size === 1
    if (k !== kb || !repeatable(batchA) || !repeatable(batchB)) return undefined
    const outer = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
    if (util.sizeFromShape(outer) !== batch) return undefined
    const y = backend.output([...outer, m, n])
    const flags = [transposeA, transposeB, batchA === 1, batchB === 1].map(Number)
    backend.addon.matMul(Int32Array.of(batch, m, k, n, ...flags), backend.floats(a), backend.floats(b), y.values)
    return y.info
  })
}
