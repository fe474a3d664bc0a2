import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'
import { floats } from '../support/small_model'

/**
 * Gradients of random shapes, reduced by two ranks in buckets of a random size, alone, and in one bucket, must have
 * the bits of their sum, halved. Prints how many cases were right.
 */
async function main() {
  await hvd.init()
  const [seed, cases] = process.argv.slice(2).map(Number) as [number, number]
  const random = floats(seed, cases * 40).values()
  const below = (limit: number) => Math.floor(((random.next().value! + 1) / 2) * limit) // the same on every rank
  for (let i = 0; i < cases; i++) {
    const shapes = Array.from({ length: 1 + below(8) }, () => Array.from({ length: below(4) }, () => below(7)))
    const variables = shapes.map((shape) => tf.tidy(() => tf.variable(tf.zeros(shape))))
    const gradient = (rank: number, k: number) =>
      floats(seed + 97 * i + 31 * k + 7 * rank, tf.util.sizeFromShape(shapes[k]!)).map((x) => x * 2 ** (20 * x))
    const loss = () =>
      tf.addN(
        variables.map((each, k) => tf.sum(tf.mul(each, tf.tensor(gradient(hvd.rank(), k), shapes[k]!)))),
      ) as tf.Scalar

    const reduced = [below(400), 0, 2 ** 20].map((bucketBytes) => {
      const optimizer = new hvd.DistributedOptimizer(tf.train.sgd(1), { bucketBytes })
      const { value, grads } = optimizer.computeGradients(loss, variables)
      const values = variables.map((each) => grads[each.name]!.dataSync())
      tf.dispose([value, grads])
      optimizer.dispose()
      return values
    })
    for (const k of shapes.keys()) {
      const [mine, theirs] = [gradient(0, k), gradient(1, k)]
      const average = mine.map((x, j) => Math.fround(x + theirs[j]!) / 2)
      for (const [j, values] of reduced.entries())
        if (!tf.util.arraysEqual(values[k]!, average))
          throw new Error(`case ${i}, variable ${k} [${shapes[k]}], way ${j}: got ${values[k]}, expected ${average}`)
    }
    tf.dispose(variables)
  }
  console.log(`${cases} cases, ${tf.memory().numTensors} tensors`)
  await hvd.shutdown()
}

main()
