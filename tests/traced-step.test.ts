import * as tf from '@tensorflow/tfjs-core'
import '@unet-industrial/backend-native'
import { checkGraph, interpret, optimize, trace } from '@unet-industrial/graph-compiler'
import { init, shutdown } from '@unet-industrial/horovod-lite'
import { expectClose } from '@unet-internal/testing'
import { expect, test } from 'vitest'
import { schema } from '../apps/reference/src/options/schema'
import { recipe, trainingStep } from '../apps/reference/src/training/recipe'

// Several times what is measured: 4e-7 of the largest value of a tensor, the order of sums.
const TOLERANCE = 5e-6

test('the whole training step of TinyUNet: traced and interpreted, as recorded and compiled, it gives what it really gives', async () => {
  await tf.setBackend('native')
  await init()
  const parts = recipe(schema.parse({}), [16, 16], { decaySteps: 100 })
  const image = tf.randomUniform<tf.Rank.R4>([2, 16, 16, 1], -1, 1, 'float32', 1)
  const mask = tf.step(tf.randomUniform<tf.Rank.R4>([2, 16, 16, 1], -0.8, 0.2, 'float32', 2))
  const step = () => trainingStep(parts, image, mask)
  tf.dispose(step()) // makes the optimizer's slots

  const { numTensors } = tf.memory()
  const { graph, inputs, outputs } = trace(step)
  expect(tf.memory().numTensors).toBe(numTensors)
  const compiled = optimize(graph)
  const results = [graph, compiled].map((each) => {
    checkGraph(each)
    return interpret(
      each,
      inputs.map(({ values }) => values!),
    )
  })
  expect(compiled.nodes.length).toBeLessThan(graph.nodes.length / 2)

  const made: Record<string, tf.Tensor> = { ...step() }
  for (const [i, name] of outputs.entries()) {
    const expected = (made[name] ?? tf.engine().registeredVariables[name]!).dataSync<'float32'>()
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9)
    for (const got of results) expectClose(got[i]!, expected, { relative: TOLERANCE, relative_to: largest }, name)
  }
  tf.dispose([image, mask, made])
  await shutdown()
})
