import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { weightDecay } from '@unet-industrial/adaptive-loss'
import {
  bytesOf,
  checkGraph,
  type Graph,
  interpret,
  optimize,
  planMemory,
  trace,
} from '@unet-industrial/graph-compiler'
import { init, shutdown } from '@unet-industrial/horovod-lite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { schema } from '../../src/options/schema'
import { type Recipe, recipe, trainingStep } from '../../src/training/recipe'

beforeAll(async () => {
  await tf.setBackend('cpu')
  await init()
})
afterAll(() => shutdown())

const step = (recipe: Recipe) => (image: tf.Tensor, mask: tf.Tensor) =>
  trainingStep(recipe, image as tf.Tensor4D, mask as tf.Tensor4D)

/** A recipe whose optimizer has its slots: after one real step. */
function started(options: object): Recipe {
  const made = recipe(schema.parse(options), [16, 16], { decaySteps: 100 })
  const nothing = tf.zeros([1, 16, 16, 1])
  tf.dispose([step(made)(nothing, nothing), nothing])
  return made
}

function dispose({ optimizer, model }: Recipe) {
  optimizer.dispose()
  model.dispose()
}

function counts({ nodes }: Graph) {
  const counts: Record<string, number> = {}
  for (const { op } of nodes) if (op !== 'Input') counts[op] = (counts[op] ?? 0) + 1
  return counts
}

const images = (batch: number, size: number) => ({ shape: [batch, size, size, 1] })

test.each([
  ['without', {}],
  ['with', { amp: true }],
])('what is left of a training step %s loss scaling', (_, options) => {
  const made = started(options)
  const { graph } = trace(step(made), [images(16, 512), images(16, 512)])
  const optimized = optimize(graph)
  checkGraph(optimized)
  expect(counts(optimized)).toEqual({
    Convolution: 23,
    ConvolutionFilterGradient: 23,
    ConvolutionInputGradient: 22,
    MaxPoolJoinGradient: 4,
    Elementwise: 5, // the loss's sums; its scalars; dL/dlogits; gradients finite?, weight decay's sums; scalars of loss scale and rate
    MultiTensorRMSProp: 1,
  })

  const inputs = optimized.nodes.filter(({ op }) => op === 'Input').length
  const plan = planMemory(optimized, { bytes: bytesOf, donated: Array(inputs).keys() })
  expect(plan.arenaBytes).toBeLessThan(3.9e9)
  expect(plan.arenaBytes / plan.liveBytes).toBeLessThan(1.01)
  expect(plan.donors.filter((donor) => donor !== null).length).toBeGreaterThanOrEqual(4 * 46) // variables and slots
  dispose(made)
})

test('what is left of a prediction', () => {
  const { model, optimizer } = recipe(schema.parse({}), [512, 512], { decaySteps: 100 })
  const { graph } = trace((image) => model.predict(image as tf.Tensor4D), [images(1, 512)])
  const optimized = optimize(graph)
  expect(counts(optimized)).toEqual({ Convolution: 23, Sigmoid: 1 })
  expect(planMemory(optimized, { bytes: bytesOf }).arenaBytes).toBeLessThan(90e6)
  model.dispose()
  optimizer.dispose()
})

test('loss, gradients and their judgement are the same with and without the passes', () => {
  const made = recipe(schema.parse({ amp: true }), [16, 16], { decaySteps: 100 })
  const { model, loss, optimizer } = made
  const image = tf.randomUniform([1, 16, 16, 1], -1, 1, 'float32', 1)
  const mask = tf.cast(tf.greater(tf.randomUniform([1, 16, 16, 1], 0, 1, 'float32', 2), 0.7), 'float32')
  const gradients = (image: tf.Tensor, mask: tf.Tensor) =>
    optimizer.computeGradients(() => {
      const data = loss(mask as tf.Tensor4D, model.apply(image as tf.Tensor4D))
      return tf.add<tf.Scalar>(data, weightDecay(model.variables, made.weightDecay))
    }, model.variables)
  const { graph, inputs, outputs } = trace(gradients, [image, mask])
  const values = inputs.map(({ values }) => values!)
  const [recorded, optimized] = [interpret(graph, values), interpret(optimize(graph), values)]
  for (const [i, name] of outputs.entries()) {
    // The sum over all variables' squares is added up in another order.
    if (name === 'value') expect(optimized[i]![0]).toBeCloseTo(recorded[i]![0]!, 6)
    else expect(optimized[i], name).toEqual(recorded[i])
  }
  expect(outputs.length).toBe(1 + 46 + 1)
  tf.dispose([image, mask])
  dispose(made)
})
