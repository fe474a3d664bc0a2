import * as tf from '@tensorflow/tfjs-core'
import { tinyUNet } from '@unet-industrial/tinyunet-model'
import { expectNoLeak, useBackend } from '@unet-internal/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { ACTIVATIONS } from '../src/activations'

// convolution.test.ts compares the gradients on both backends; here the whole net runs on the fast one.
beforeAll(() => useBackend('native'))

const random = (shape: [number, number, number, number]) => tf.randomUniform<tf.Rank.R4>(shape, -1, 1, 'float32', 1)

test('one step of gradients leaks nothing, whatever is trained', async () => {
  const model = tinyUNet()
  const image = random([1, 16, 16, 1])
  const decoder = model.variables.filter((_, i) => /^(bottleneck|output)/.test(model.names[i]!))
  const image2loss = () => tf.mean(model.apply(image)) as tf.Scalar
  for (const trained of [model.variables, decoder, model.variables.slice(-2), model.variables.slice(0, 1)])
    await expectNoLeak(() => {
      const { value, grads } = tf.variableGrads(image2loss, trained)
      expect(Object.keys(grads).sort()).toEqual(trained.map(({ name }) => name).sort())
      tf.dispose([value, grads])
    })
  model.dispose()
})

describe.each(ACTIVATIONS)('activation %s', (activation) => {
  test('every variable gets a finite gradient of its own shape', async () => {
    const model = tinyUNet({ activation })
    const image = random([1, 16, 16, 1])
    await expectNoLeak(() => {
      const { value, grads } = tf.variableGrads(() => tf.mean(tf.square(model.apply(image))))
      for (const { name, shape } of model.variables) {
        expect(grads[name]!.shape, name).toEqual(shape)
        expect(grads[name]!.dataSync().every(Number.isFinite), name).toBe(true)
      }
      tf.dispose([value, grads])
    })
    model.dispose()
    image.dispose()
  })
})
