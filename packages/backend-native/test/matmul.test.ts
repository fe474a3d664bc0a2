import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectClose, expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadNative, onEveryInstructionSet } from './support/native'
import { randomFloats } from './support/random'

beforeAll(async () => {
  await loadNative()
})

const products = fc.record({
  batchA: fc.constantFrom(1, 3),
  batchB: fc.constantFrom(1, 3),
  sizes: fc.tuple(
    ...Array.from({ length: 3 }, () => fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(16, 64))),
  ),
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
})

describe('tf.matMul on native', () => {
  it('agrees with the CPU backend, with the same bits for any number of threads', async () => {
    await fc.assert(
      fc.asyncProperty(products, async ({ batchA, batchB, sizes, transposeA, transposeB }) => {
        const [m, k, n] = sizes as [number, number, number]
        const matrix = (batch: number, rows: number, columns: number, transposed: boolean, seed: number) => {
          const shape: [number, number, number] = [batch, ...(transposed ? [columns, rows] : [rows, columns])] as never
          return tf.tensor3d(randomFloats(batch * rows * columns, seed), shape)
        }
        const compute = () =>
          tf.tidy(() => {
            const [a, b] = [matrix(batchA, m, k, transposeA, 1), matrix(batchB, k, n, transposeB, 2)]
            return tf.matMul(a, b, transposeA, transposeB).dataSync() as Float32Array
          })
        await tf.setBackend('cpu')
        const want = compute()
        await tf.setBackend('native')
        const got = await expectNoLeak(() => onEveryInstructionSet(compute))
        for (const [isa, values] of got) expectClose(values, want, { relative: 1e-6, relative_to: k }, isa)
      }),
      { numRuns: 60 },
    )
  })

  it('gives zeros for an empty sum', () => {
    const y = tf.tidy(() => tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3])).dataSync())
    expect([...y]).toEqual([0, 0, 0, 0, 0, 0])
  })
})
