import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectClose, expectNoLeak, stream, uniforms, useBackend } from '@unet-internal/testing'
import { expect, test } from 'vitest'
import { RMSPropCentered } from '../src'
import { stateOf } from './trajectory'

const KERNEL = 'ApplyCenteredRMSProp'
const { fround } = Math

/** The kernel of docs/architecture.md for the CPU backend, value by value in float32. */
const kernel: tf.KernelConfig = {
  kernelName: KERNEL,
  backendName: 'cpu',
  kernelFunc: ({ inputs, attrs, backend }) => {
    calls++
    const { readSync, makeTensorInfo } = backend as unknown as {
      readSync(id: object): Float32Array
      makeTensorInfo(shape: number[], dtype: tf.DataType, values: Float32Array): tf.TensorInfo
    }
    const read = (name: string) => readSync.call(backend, inputs[name]!.dataId)
    const names = ['variable', 'meanSquare', 'meanGradient', 'momentum']
    const outputs = names.map((name) => read(name).slice()) as [Float32Array, Float32Array, Float32Array, Float32Array]
    const [variable, meanSquare, meanGradient, momentum] = outputs
    const [gradient, lr] = [read('gradient'), read('learningRate')[0]!]
    const [decay, factor, epsilon] = ['decay', 'momentum', 'epsilon'].map((name) => fround(Number(attrs![name])))
    const rest = fround(1 - decay!)
    if (read('condition')[0])
      for (const [i, g] of gradient.entries()) {
        const [ms, mg, mom] = [meanSquare[i]!, meanGradient[i]!, momentum[i]!]
        meanSquare[i] = ms + fround(fround(fround(g * g) - ms) * rest)
        meanGradient[i] = mg + fround(fround(g - mg) * rest)
        const variance = fround(meanSquare[i]! - fround(meanGradient[i]! ** 2))
        momentum[i] = fround(mom * factor!) + fround(fround(g * lr) / fround(Math.sqrt(fround(variance + epsilon!))))
        variable[i] = variable[i]! - momentum[i]!
      }
    return outputs.map((values) => makeTensorInfo.call(backend, inputs.variable!.shape, 'float32', values))
  },
}
let calls = 0

const run = async (withKernel: boolean) => {
  const saved = tf.getKernel(KERNEL, tf.getBackend())
  if (!withKernel && saved) tf.unregisterKernel(KERNEL, tf.getBackend())
  const next = stream(5, 'kernel')
  const variable = tf.tidy(() => tf.variable(tf.tensor2d(uniforms(next, 35, -1, 1), [5, 7])))
  const optimizer = new RMSPropCentered({ learningRate: 0.01, momentum: 0.8, decay: 0.93, epsilon: 1e-8 })
  for (let step = 0; step < 20; step++)
    tf.tidy(() => {
      const gradients = { [variable.name]: tf.tensor2d(uniforms(next, 35, -2, 2), [5, 7]) }
      if (step % 3 === 0) optimizer.applyGradients(gradients)
      else optimizer.applyGradientsIf(tf.scalar(step % 3 === 1, 'bool'), gradients)
    })
  const state = await stateOf(optimizer, variable)
  if (!withKernel && saved) tf.registerKernel(saved)
  optimizer.dispose()
  variable.dispose()
  return state
}

const same = () =>
  expectNoLeak(async () => {
    const [byKernel, byOps] = [await run(true), await run(false)]
    for (const [part, want] of Object.entries(byOps))
      expectClose(byKernel[part]!, want, { relative: 1e-5, absolute: 1e-6 }, part)
  })

test('a kernel that a backend registers is used, and equals plain ops', async () => {
  await useBackend('cpu')
  tf.registerKernel(kernel)
  await same()
  tf.unregisterKernel(KERNEL, 'cpu')
  expect(calls).toBe(20)
})

describeOnBackends(
  'the kernel',
  () =>
    test('equals plain ops', () => {
      expect(tf.getKernel(KERNEL, tf.getBackend())).toBeDefined()
      return same()
    }),
  ['native'],
)
