import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectClose, expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { beforeAll, describe, it } from 'vitest'
import type { Addon } from '../src/addon'
import { filled, loadNative, onEveryInstructionSet } from './support/native'
import { randomFloats } from './support/random'

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

const upTo = (max: number) => fc.integer({ min: 1, max })
const resizings = fc
  .record({
    batch: upTo(3),
    input: fc.tuple(upTo(13), upTo(13)),
    output: fc.option(fc.tuple(upTo(27), upTo(27))), // null: twice the input
    channels: fc.oneof(upTo(257), fc.constantFrom(1, 16, 32)),
    mode: fc.constantFrom('plain', 'alignCorners', 'halfPixelCenters'),
  })
  .map(({ output, ...r }) => ({ ...r, output: output ?? ([2 * r.input[0], 2 * r.input[1]] as [number, number]) }))
  .filter(({ batch, output, channels }) => batch * output[0] * output[1] * channels < 50_000)

describe('nearest-neighbour resizing on native', () => {
  it('agrees with the CPU backend', async () => {
    await fc.assert(
      fc.asyncProperty(resizings, async ({ batch, input, output, channels, mode }) => {
        const shape: [number, number, number, number] = [batch, ...input, channels]
        const [corners, centers] = [mode === 'alignCorners', mode === 'halfPixelCenters']
        // The CPU backend's gradient knows no halfPixelCenters, reads dy of later images at x's offsets, and loops
        // for ever where corners of a single row or column are aligned. The next test has those cases.
        const cpuHasGradient = !centers && batch === 1 && !(corners && input.includes(1))
        const compute = () =>
          tf.tidy(() => {
            const x = tf.tensor4d(randomFloats(tf.util.sizeFromShape(shape), 1), shape)
            const resize = (t: tf.Tensor) =>
              tf.image.resizeNearestNeighbor(t as tf.Tensor4D, output, corners, centers) as tf.Tensor
            const y = resize(x)
            const dx = cpuHasGradient ? [tf.grad(resize)(x, tf.tensor(randomFloats(y.size, 2), y.shape))] : []
            return [y, ...dx].map((t) => t.dataSync())
          })
        await tf.setBackend('cpu')
        const want = compute()
        await tf.setBackend('native')
        const got = await expectNoLeak(compute)
        for (const [i, values] of got.entries())
          expectClose(values, want[i]!, { relative: 0, absolute: i === 0 ? 0 : 1e-5 }, ['y', 'dx'][i])
      }),
      { numRuns: 80 },
    )
  })

  it('is linear, its gradient is its transpose, and threads do not change a bit', () => {
    fc.assert(
      fc.property(resizings, ({ batch, input, output, channels, mode }) => {
        const flags = [mode === 'alignCorners', mode === 'halfPixelCenters'].map(Number)
        const fields = Int32Array.of(batch, ...input, ...output, channels, ...flags)
        const [xSize, ySize] = [input, output].map(([h, w]) => batch * h * w * channels) as [number, number]
        const [x, dy] = [randomFloats(xSize, 1), randomFloats(ySize, 2)]
        const ys = onEveryInstructionSet(filled(ySize, (y) => addon.resizeNearest(fields, x, y)))
        const dxs = onEveryInstructionSet(filled(xSize, (dx) => addon.resizeNearestGrad(fields, dy, dx)))
        const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)
        for (const [isa, y] of ys) // ⟨resize(x), dy⟩ = ⟨x, resizeᵀ(dy)⟩
          expectClose(dot(y, dy), dot(x, dxs.get(isa)!), { relative: 1e-6, relative_to: ySize }, `${isa} ⟨y, dy⟩`)
      }),
      { numRuns: 80 },
    )
  })
})
