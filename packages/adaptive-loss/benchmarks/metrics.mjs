// Counting pixels for SegmentationMetrics: its plain loop against comparisons of whole tensors on the backend.
//   npm run build && node packages/adaptive-loss/benchmarks/metrics.mjs [--backend cpu|native] [--size 512] [--batch 8]
import { parseArgs } from 'node:util'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { referenceThresholds, SegmentationMetrics } from '../dist/index.js'

const option = (value) => ({ type: 'string', default: value })
const { values } = parseArgs({ options: { backend: option('cpu'), size: option('512'), batch: option('8') } })
if (values.backend === 'native') await import('../../backend-native/dist/index.js')
await tf.setBackend(values.backend)
const shape = [Number(values.batch), Number(values.size), Number(values.size), 1]

/** [n, thresholds, 3]: the pixels above each threshold in both, in the prediction and in the mask; one read-back. */
async function countInTensors(mask, probability) {
  const counts = tf.tidy(() => {
    const sum = (values) => tf.sum(values, [1, 2, 3])
    const at = (threshold) => {
      const [a, b] = [probability, mask].map((values) => tf.greater(values, tf.scalar(threshold)))
      return tf.stack([sum(tf.logicalAnd(a, b)), sum(a), sum(b)], 1)
    }
    return tf.stack(referenceThresholds.map(at), 1)
  })
  const read = await counts.data()
  counts.dispose()
  return read
}

async function median(run) {
  const times = []
  for (let i = 0; i < 6; i++) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  return times.slice(1).sort((a, b) => a - b)[2]
}

const probability = tf.tidy(() => tf.pow(tf.randomUniform(shape, 0, 1, 'float32', 1), 8)) // most pixels low, as in use
const mask = tf.tidy(() => tf.cast(tf.greater(probability, 0.6), 'float32'))
await probability.data()
const loop = await median(() => new SegmentationMetrics().update(mask, probability))
const tensors = await median(() => countInTensors(mask, probability))
console.log(`${values.backend} [${shape}]: loop ${loop.toFixed(1)} ms, tensors ${tensors.toFixed(1)} ms`)
