import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'

/** Rank 1's loss leaves a variable out, or its program has another one. Prints what each step raised. */
async function main() {
  await hvd.init()
  const lesser = hvd.rank() === 1
  const variable = (name: string, shape = [2]) => tf.tidy(() => tf.variable(tf.ones(shape), true, name))
  const [a, b, c] = [variable('a'), variable('b'), variable('c')]
  const sum = (...variables: tf.Variable[]) => tf.addN(variables.map((each) => tf.sum(each))) as tf.Scalar
  const attempt = (loss: () => tf.Scalar, variables: tf.Variable[], bucketBytes?: number) => {
    const optimizer = new hvd.DistributedOptimizer(tf.train.sgd(1), { bucketBytes })
    try {
      optimizer.minimize(loss, false, variables)
      return 'no error'
    } catch (error) {
      return (error as Error).message
    } finally {
      optimizer.dispose()
    }
  }

  const missing = () => (lesser ? sum(a, c) : sum(a, b, c))
  const other = lesser ? variable('extra') : variable('more')
  const shaped = lesser ? variable('shaped', [2, 1]) : variable('shaped', [1, 2])
  const raised = {
    inOneBucket: attempt(missing, [a, b, c]),
    alone: attempt(missing, [a, b, c], 0),
    nowhere: attempt(() => sum(a, c), [a, b, c], 0), // no rank has it: nothing is wrong
    otherName: attempt(() => sum(a, other), [a, other]),
    otherShape: attempt(() => sum(a, shaped), [a, shaped]),
    after: attempt(() => sum(a, b, c), [a, b, c]),
  }
  console.log(JSON.stringify({ raised, a: [...a.dataSync()], tensors: tf.memory().numTensors }))
  await hvd.shutdown()
}

main()
