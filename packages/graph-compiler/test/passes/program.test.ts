import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { beforeAll, expect, test } from 'vitest'
import { checkGraph, optimize, trace } from '../../src/index'
import { countOperations, expectSameOutputs } from '../support/passes'

beforeAll(async () => {
  registerGradients()
  await tf.setBackend('cpu')
})

/** A small net as a user of tfjs writes it: every operation by itself, gradients by the tape, plain gradient descent. */
function trainingStep(image: tf.Tensor4D, label: tf.Tensor2D, variables: Record<string, tf.Variable>) {
  const convolve = (x: tf.Tensor4D, name: string) =>
    tf.relu(
      tf.add(tf.conv2d(x, variables[`${name}/kernel`] as tf.Tensor4D, 1, 'same'), variables[`${name}/bias`]!),
    ) as tf.Tensor4D
  const { value, grads } = tf.variableGrads(() => {
    const features = tf.maxPool(convolve(convolve(image, 'first'), 'second'), 2, 2, 'valid')
    const logits = tf.matMul(tf.mean(convolve(features, 'third'), [1, 2]) as tf.Tensor2D, variables.head as tf.Tensor2D)
    return tf.mean<tf.Scalar>(tf.square(tf.sub(tf.sigmoid(logits), label)))
  })
  for (const [name, gradient] of Object.entries(grads)) {
    const variable = Object.values(variables).find((variable) => variable.name === name)!
    variable.assign(tf.sub(variable, tf.mul(gradient, 0.1)))
  }
  return value
}

test('a net of plain operations is fused, too', () => {
  const shapes = {
    'first/kernel': [3, 3, 3, 16],
    'first/bias': [16],
    'second/kernel': [3, 3, 16, 32],
    'second/bias': [32],
    'third/kernel': [3, 3, 32, 16],
    'third/bias': [16],
    head: [16, 2],
  }
  const variables = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [
      name,
      tf.variable(tf.randomUniform(shape, -0.3, 0.3, 'float32', i)),
    ]),
  )
  const image = tf.randomUniform([2, 8, 8, 3], -1, 1, 'float32', 10)
  const label = tf.tensor2d([1, 0, 0, 1], [2, 2])
  const { graph, inputs } = trace(
    (image, label) => trainingStep(image as tf.Tensor4D, label as tf.Tensor2D, variables),
    [image, label],
  )
  const optimized = optimize(graph)
  checkGraph(optimized)
  expect(countOperations(optimized)).toMatchInlineSnapshot(`
    {
      "BatchMatMul": 3,
      "Convolution": 3,
      "ConvolutionFilterGradient": 3,
      "ConvolutionInputGradient": 2,
      "Elementwise": 3,
      "MaxPoolJoinGradient": 1,
      "Mean": 1,
      "Reshape": 2,
      "ToBlocked": 1,
      "ToDense": 1,
    }
  `)
  expectSameOutputs(
    optimized,
    graph,
    inputs.map(({ values }) => values!),
    1e-6,
  )
  tf.dispose([image, label, variables])
})
