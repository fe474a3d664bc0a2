// Trains on the same global batches of four images, in one of several ways. Writes what became of it to a file.
import { writeFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { createDataset, synthesize } from '@unet-industrial/dagm-dataset'
import { allreduce, DistributedOptimizer, init, rank, shutdown, size } from '@unet-industrial/horovod-lite'
import { fixedLossScale, LossScaleOptimizer } from '@unet-industrial/mixed-precision'
import { selectBackend } from '../../src/backends'
import { schema } from '../../src/options/schema'
import { recipe, trainingStep } from '../../src/training/recipe'

/**
 * Which images of a batch a pass takes, and how many passes make a step. A rank of two has the images 0 and 2 or 1 and 3:
 * `halves` does in one process what they do in two.
 */
const ways: Record<string, number[][]> = {
  whole: [[0, 1, 2, 3]],
  turned: [[3, 2, 1, 0]],
  mixed: [[0, 2, 1, 3]],
  halves: [
    [0, 2],
    [1, 3],
  ],
  ranks: [[0, 1]],
}
const [steps, lossFnName, way, file] = [Number(process.argv[2]), process.argv[3], process.argv[4]!, process.argv[5]!]
await init()
await selectBackend('native', 'training', 1)
const samples = synthesize({ classId: 1, size: 32, clean: 0, defective: 12, seed: 5 })
const shard = { rank: rank(), size: size() }
const dataset = await createDataset(samples, { batchSize: 4 / size(), repeat: true, shard }) // 0 1 2 3, or 0 2 and 1 3
const whole = recipe(schema.parse({ lossFnName, seed: 3 }), dataset.sampleShape, { decaySteps: 500 })
const passes = ways[way]!
const accumulating = { backwardPassesPerStep: passes.length, averageAggregatedGradients: true }
const optimizer = new LossScaleOptimizer(new DistributedOptimizer(whole.rmsprop, accumulating), fixedLossScale(1))
const parts = passes.length > 1 ? { ...whole, optimizer } : whole

const weights = () => parts.model.variables.map((variable) => [...variable.dataSync()])
const before = weights()
const losses: number[] = []
for await (const batch of dataset) {
  const loss = tf.tidy(() => {
    const ofPasses = passes.map((rows) => {
      const [image, mask] = [batch.image, batch.mask].map((tensor) => tf.gather(tensor, rows))
      return trainingStep(parts, image as tf.Tensor4D, mask as tf.Tensor4D).loss
    })
    return allreduce(tf.mean(tf.stack(ofPasses))).dataSync()[0]!
  })
  losses.push(loss)
  batch.dispose()
  if (losses.length === steps) break
}
if (rank() === 0) writeFileSync(file, JSON.stringify({ losses, before, weights: weights() }))
await shutdown()
