import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'
import { BATCH, disposeOptimizer, type OptimizerName, optimizers, smallModel } from '../support/small_model'

/** Trains a small model once for each case, on this rank's share of each batch. Prints the weights and what was read back. */
export interface TrainCase {
  optimizer: OptimizerName
  options?: hvd.DistributedOptimizerOptions
  steps: number
  /** Does not say which variables: all that are trainable. */
  unlisted?: boolean
}

export interface TrainResult {
  values: number[]
  /** Tensors read back in each step. */
  reads: number[]
  /** Tensors more than before. */
  leaked: number
}

/** Runs `body` and counts what it reads back. */
function countReads(body: () => void): number {
  const engine = tf.engine()
  const { read, readSync } = engine
  let count = 0
  engine.read = (id) => {
    count++
    return read.call(engine, id)
  }
  engine.readSync = (id) => {
    count++
    return readSync.call(engine, id)
  }
  try {
    body()
  } finally {
    Object.assign(engine, { read, readSync })
  }
  return count
}

async function main() {
  await hvd.init()
  const cases: TrainCase[] = JSON.parse(process.argv[2]!)
  const share = BATCH / hvd.size()
  const results: TrainResult[] = []
  for (const { optimizer: name, options = {}, steps, unlisted } of cases) {
    const before = tf.memory().numTensors
    const model = smallModel(hvd.rank()) // other weights on each rank
    const fixed = tf.tidy(() => tf.variable(tf.zeros([2]), false, 'not trainable'))
    hvd.broadcastVariables(model.variables)
    const optimizer = new hvd.DistributedOptimizer(optimizers[name](), options)
    const passes = options.backwardPassesPerStep ?? 1
    const reads: number[] = []
    for (let pass = 0; pass < steps * passes; pass++) {
      const [step, part] = [Math.floor(pass / passes), pass % passes]
      const first = hvd.rank() * share + (part * share) / passes
      const loss = () => model.loss(step, first, first + share / passes)
      reads.push(countReads(() => optimizer.minimize(loss, false, unlisted ? undefined : model.variables)))
    }
    const values = model.values()
    model.dispose()
    fixed.dispose()
    disposeOptimizer(optimizer)
    results.push({ values, reads, leaked: tf.memory().numTensors - before })
  }
  console.log(JSON.stringify(results))
  await hvd.shutdown()
}

main()
