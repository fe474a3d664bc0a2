// Trains on the same global batches of four images whatever the number of ranks. Writes what became of it to a file.
import { writeFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { createDataset, synthesize } from '@unet-industrial/dagm-dataset'
import { allreduce, init, rank, shutdown, size } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../../src/backends'
import { schema } from '../../src/options/schema'
import { recipe, trainingStep } from '../../src/training/recipe'

const [steps, lossFnName, file] = [Number(process.argv[2]), process.argv[3], process.argv[4]!]
await init()
await selectBackend('native', 'training', 1)
const samples = synthesize({ classId: 1, size: 32, clean: 0, defective: 12, seed: 5 })
const shard = { rank: rank(), size: size() }
const dataset = await createDataset(samples, { batchSize: 4 / size(), repeat: true, shard }) // 0 1 2 3, or 0 2 and 1 3
const parts = recipe(schema.parse({ lossFnName, seed: 3 }), dataset.sampleShape, { decaySteps: 500 })

const weights = () => parts.model.variables.map((variable) => [...variable.dataSync()])
const before = weights()
const losses: number[] = []
for await (const batch of dataset) {
  const result = trainingStep(parts, batch.image, batch.mask)
  const loss = allreduce(result.loss)
  losses.push(loss.dataSync()[0]!)
  batch.dispose()
  tf.dispose([loss, ...Object.values(result)])
  if (losses.length === steps) break
}
if (rank() === 0) writeFileSync(file, JSON.stringify({ losses, before, weights: weights() }))
await shutdown()
