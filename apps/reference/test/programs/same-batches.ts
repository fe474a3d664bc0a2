// Trains on the same global batches of four images whatever the number of ranks: each takes its rows. Prints what became of it.
import * as tf from '@tensorflow/tfjs-core'
import { synthesize } from '@unet-industrial/dagm-dataset'
import { allreduce, init, rank, shutdown, size } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../../src/backends'
import { schema } from '../../src/options/schema'
import { recipe, trainingStep } from '../../src/training/recipe'

const [steps, lossFnName] = [Number(process.argv[2]), process.argv[3]]
await init()
await selectBackend('native', 'training', 1)
const side = 32
const samples = synthesize({ classId: 1, size: side, clean: 0, defective: 12, seed: 5 })
const parts = recipe(schema.parse({ lossFnName, seed: 3 }), [side, side], 500)
const pixels = (of: 'image' | 'mask', step: number) =>
  tf.tidy(() => {
    const rows = [0, 1, 2, 3].filter((row) => row % size() === rank())
    const rasters = rows.map((row) => samples[(step * 4 + row) % samples.length]![of] as { data: Uint8Array })
    const all = tf.tensor4d(Float32Array.from(rasters.flatMap(({ data }) => [...data])), [rows.length, side, side, 1])
    return of === 'image'
      ? (tf.sub(tf.div(all, 127.5), 1) as tf.Tensor4D)
      : (tf.cast(tf.greater(all, 0), 'float32') as tf.Tensor4D)
  })

const weights = () => parts.model.variables.map((variable) => [...variable.dataSync()])
const before = weights()
const losses: number[] = []
for (let step = 0; step < steps; step++) {
  const [image, mask] = [pixels('image', step), pixels('mask', step)]
  const result = trainingStep(parts, image, mask)
  const loss = allreduce(result.loss)
  losses.push(loss.dataSync()[0]!)
  tf.dispose([image, mask, loss, ...Object.values(result)])
}
if (rank() === 0) console.log(JSON.stringify({ losses, before, weights: weights() }))
await shutdown()
