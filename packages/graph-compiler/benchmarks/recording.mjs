// What recording costs: a training step of a small net of 24 convolutions, recorded and flushed again and again.
//   npm run build && node packages/graph-compiler/benchmarks/recording.mjs [--steps 2000]
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { registerGradients } from '../../../internal/tfjs-gradients/dist/index.js'
import { graphKey, Recorder, trace } from '../dist/index.js'

const { values } = parseArgs({ options: { steps: { type: 'string', default: '2000' } } })
registerGradients()

/** Gradients of a chain of convolutions, and a momentum step of every filter and bias. */
function step(x, ...state) {
  const [filters, biases, velocities] = [0, 1, 2].map((kind) => state.filter((_, i) => i % 3 === kind))
  const loss = (...variables) => {
    let y = x
    for (let i = 0; i < filters.length; i++)
      y = tf.relu(tf.add(tf.conv2d(y, variables[2 * i], 1, 'same'), variables[2 * i + 1]))
    return tf.mean(tf.square(y))
  }
  const gradients = tf.grads(loss)(filters.flatMap((filter, i) => [filter, biases[i]]))
  return filters.flatMap((filter, i) => {
    const velocity = tf.add(tf.mul(velocities[i], 0.9), gradients[2 * i])
    const next = tf.sub(filter, tf.mul(velocity, 0.01))
    return [tf.sub(biases[i], tf.mul(gradients[2 * i + 1], 0.01)), next, velocity]
  })
}

const layers = Array.from({ length: 24 }, () => [{ shape: [3, 3, 16, 16] }, { shape: [16] }, { shape: [3, 3, 16, 16] }])
const { graph } = trace(step, [{ shape: [2, 16, 16, 16] }, ...layers.flat()])

const recorder = new Recorder({ retain() {}, release() {}, run() {} })
const kept = new Set(graph.outputs.map(({ node }) => node))
const keys = new Set()

/** One step as a backend makes it: every operation recorded, what is not a result released, all flushed. Milliseconds. */
function recordStep() {
  const attributes = graph.nodes.map((node) => structuredClone(node.attributes)) // fresh, as tfjs makes them
  const handles = []
  const begin = performance.now()
  graph.nodes.forEach(({ op, inputs, types }, node) => {
    const operands = inputs.map((value) => value && handles[value.node][value.output])
    const { shape, dtype } = types[0]
    handles.push(op === 'Input' ? [recorder.leaf({}, shape, dtype)] : recorder.record(op, operands, attributes[node]))
  })
  handles.forEach((outputs, node) => {
    if (!kept.has(node)) for (const handle of outputs) recorder.release(handle)
  })
  const recorded = performance.now()
  const { key, outputs } = recorder.flush()
  const flushed = performance.now()
  keys.add(key)
  for (const handle of outputs) recorder.resolve(handle, {})
  return [recorded - begin, flushed - recorded]
}

function keyGraph() {
  const begin = performance.now()
  graphKey(graph)
  return performance.now() - begin
}

const runs = Array.from({ length: Number(values.steps) }, () => [...recordStep(), keyGraph()])
console.log(
  `${graph.nodes.length} nodes, ${runs.length} steps, ${keys.size} key${keys.size > 1 ? 's' : ''}; milliseconds a step`,
)
for (const [i, what] of ['record', 'flush', 'graphKey'].entries()) {
  const times = runs.map((run) => run[i])
  const first = times[0]
  times.sort((a, b) => a - b)
  const at = (share) => times[Math.floor(share * (times.length - 1))].toFixed(3)
  console.log(`${what.padEnd(8)}  first ${first.toFixed(3)}  median ${at(0.5)}  best ${at(0)}`)
}
