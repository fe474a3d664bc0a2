import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import type { Case, World } from '../conformance/case'
import { cases } from '../conformance/cases'

// Runs every case in this rank and prints a line of JSON for each; the first that fails somewhere ends all ranks.

/** What a case returned, or why it failed. */
async function attempt({ run, leaves }: Case, world: World): Promise<{ value?: unknown; error?: string }> {
  const before = tf.memory().numTensors
  tf.engine().startScope()
  try {
    const value = await run(world)
    tf.engine().endScope()
    const { numTensors } = tf.memory()
    return leaves || numTensors === before ? { value } : { error: `left ${numTensors - before} tensors` }
  } catch (error) {
    tf.engine().endScope()
    return { error: (error as Error).stack }
  }
}

await tf.ready()
await hvd.init()
const [rank, size] = [hvd.rank(), hvd.size()]
const ranks = Array.from({ length: size }, (_, r) => r)
const world: World = { tf, hvd, rank, size, ranks, transport: hvd.transportName() }
let failed = false
for (const [name, each] of cases) {
  if (each.except?.(world)) continue
  const start = performance.now()
  const { value, error } = await attempt(each, world)
  const milliseconds = Math.round(performance.now() - start)
  console.log(JSON.stringify({ name, rank, value, error, milliseconds }))
  failed = hvd.allgatherObject(error !== undefined, { name: `after ${name}` }).includes(true)
  if (failed) break
}
await hvd.shutdown()
if (failed) process.exitCode = 1
