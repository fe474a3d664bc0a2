import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectClose, expectNoLeak, useBackend } from '@unet-internal/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { ACTIVATIONS, activations } from '../src/activations'
import { convolution, type Features } from '../src/convolution'
import '../src/index'

/** The same in tfjs operations, differentiated by tfjs; it upsamples by concatenation, because tfjs-backend-cpu's gradient of resizing is wrong. */
function composed(
  { x, skip, upsampled }: Features,
  kernel: tf.Tensor4D,
  bias: tf.Tensor1D,
  name: keyof typeof activations,
  alpha?: tf.Tensor1D,
) {
  const [n, h, w, c] = x.shape
  const doubled = () => {
    const across = tf.reshape(x, [n, h, w, 1, c])
    const down = tf.reshape(tf.concat([across, across], 3), [n, h, 1, 2 * w, c])
    return tf.reshape<tf.Rank.R4>(tf.concat([down, down], 2), [n, 2 * h, 2 * w, c])
  }
  const input = skip ? tf.concat([x, skip], 3) : upsampled ? doubled() : x
  return activations[name].apply(tf.add(tf.conv2d(input, kernel, 1, 'same'), bias), alpha)
}

const random = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, 'float32', seed)
const reads = {
  'x as it is': {},
  'x upsampled': { upsampled: true },
  'x and a skip connection': { skip: true },
} as const

describeOnBackends('convolution', () => {
  describe.each([...ACTIVATIONS, 'linear'] as const)('%s', (activation) => {
    test.each(Object.entries(reads))('%s: value and gradients equal those of composed operations', async (_, read) => {
      await expectNoLeak(async () => {
        const { alphaGradient, widening = 1 } = activations[activation]
        const side = 'upsampled' in read ? 2 : 3
        const inputs = {
          x: random([2, 4, 6, 3], 1),
          kernel: random([side, side, 'skip' in read ? 5 : 3, 4], 2),
          bias: random([4], 3),
          ...('skip' in read && { skip: random([2, 4, 6, 2], 4) }),
          ...(alphaGradient && { alpha: random([activation === 'prelu_shared' ? 1 : 4], 5) }),
        }
        const names = Object.keys(inputs)
        const scale = 'upsampled' in read ? 2 : 1
        const dy = random([2, 4 * scale, 6 * scale, 4 * widening], 6)
        // The loss stands behind the convolution, which disposes the gradient that it is given.
        const differentiate = (f: typeof ours) => {
          const value = tf.tidy(() => f(inputs))
          const loss = (...tensors: tf.Tensor[]) =>
            tf.sum(tf.mul(f(Object.fromEntries(tensors.map((tensor, i) => [names[i], tensor]))), dy))
          return { value, grads: tf.grads(loss)(Object.values(inputs)) }
        }
        const features = ({ x, skip }: tf.NamedTensorMap) => ({ x, skip, ...('upsampled' in read && read) }) as Features
        const ours = (t: tf.NamedTensorMap) =>
          convolution(
            features(t),
            { kernel: t.kernel as tf.Tensor4D, bias: t.bias as tf.Tensor1D, alpha: t.alpha as tf.Tensor1D },
            activation,
          )
        const theirs = (t: tf.NamedTensorMap) =>
          composed(features(t), t.kernel as tf.Tensor4D, t.bias as tf.Tensor1D, activation, t.alpha as tf.Tensor1D)
        const [got, want] = [differentiate(ours), differentiate(theirs)]
        const close = async (a: tf.Tensor, b: tf.Tensor, what: string) => {
          expect(a.shape, what).toEqual(b.shape)
          expectClose(await a.data(), await b.data(), { relative: 1e-5, absolute: 1e-5 }, what)
        }
        await close(got.value, want.value, 'value')
        for (const [i, name] of names.entries()) await close(got.grads[i]!, want.grads[i]!, `gradient of ${name}`)
        tf.dispose([inputs, dy, got, want])
      })
    })
  })
})

describe("what the gradient computes on a backend with TensorFlow's kernels", () => {
  beforeAll(() => useBackend('native'))

  const image = () => random([1, 4, 4, 1], 1) as tf.Tensor4D
  const weights = () => ({
    kernel: tf.variable(random([3, 3, 1, 2], 2)) as tf.Tensor4D,
    bias: tf.variable(tf.zeros([2])) as tf.Tensor1D,
  })
  const kernelsOf = async (run: () => tf.Tensor) => {
    const { kernels } = await tf.profile(run)
    return kernels.map(({ name }) => name)
  }

  test('the image gets a gradient when it is watched, and then alone', async () => {
    const w = weights()
    const used = await kernelsOf(() => tf.grad((x) => tf.sum(convolution({ x: x as tf.Tensor4D }, w, 'relu')))(image()))
    expect(used).toContain('Conv2DBackpropInput')
    expect(used).not.toContain('Conv2DBackpropFilter')
    tf.dispose(w)
  })

  test('nothing is computed for an image that nobody watches', async () => {
    const [x, w] = [image(), weights()]
    const used = await kernelsOf(() => tf.variableGrads(() => tf.sum(convolution({ x }, w, 'relu'))).value)
    expect(used).toEqual(expect.arrayContaining(['Conv2DBackpropFilter', 'ReluGrad', 'BiasAddGrad']))
    expect(used).not.toContain('Conv2DBackpropInput')
    tf.dispose(w)
  })
})
