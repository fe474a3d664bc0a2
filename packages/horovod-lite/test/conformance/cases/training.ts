import type { Optimizer, Scalar } from '@tensorflow/tfjs-core'
import type { Cases, World } from '../case'
import { expectClose, expectEqual, expectSame, integers } from '../tools'

const NAMES = ['sgd', 'momentum', 'adagrad', 'adadelta', 'rmsprop', 'adam'] as const
type Name = (typeof NAMES)[number]

function optimizerOf({ tf }: World, name: Name): Optimizer {
  if (name === 'momentum') return tf.train.momentum(0.1, 0.9)
  if (name === 'rmsprop') return tf.train.rmsprop(0.01, 0.9, 0.5)
  return tf.train[name](0.1)
}

/** tfjs's momentum optimizer forgets the tensor of its learning rate. */
function dispose({ tf }: World, optimizer: Optimizer): void {
  optimizer.dispose()
  tf.dispose(Reflect.get(Reflect.get(optimizer, 'optimizer') ?? optimizer, 'c'))
}

export const training: Cases = {
  "broadcastVariables: all have the root's values, of every dtype": (world) => {
    const { hvd, tf, rank, ranks } = world
    for (const root of ranks) {
      const variables = {
        weight: tf.variable(tf.fill([17, 3], rank)),
        step: tf.variable(tf.scalar(rank, 'int32')),
        done: tf.variable(tf.fill([2], rank % 2, 'bool')),
      }
      hvd.broadcastVariables(variables, { root })
      expectEqual(variables.weight, Array(51).fill(root), [17, 3], 'float32')
      expectEqual(variables.step, [root], [], 'int32')
      expectEqual(variables.done, [root % 2, root % 2], [2], 'bool')
      hvd.broadcastVariables(Object.values(variables), { root })
      tf.dispose(Object.values(variables))
    }
  },

  ...Object.fromEntries(
    NAMES.map((name) => [
      `broadcastOptimizerState: ${name} goes on with the root's slots`,
      async (world: World) => {
        const { hvd, tf, rank, size } = world
        const root = size - 1
        const weight = tf.variable(tf.tensor1d([1, 2, 3]), true, `weight of ${name}`)
        const optimizer = optimizerOf(world, name)
        const step = (by: number) =>
          tf.tidy(() => void optimizer.minimize(() => tf.sum(tf.mul(weight, by)), false, [weight]))
        for (let i = 0; i <= rank; i++) step(rank + 1) // other slots on each rank
        hvd.broadcastVariables([weight], { root })
        await hvd.broadcastOptimizerState(optimizer, { root })
        for (let i = 0; i < 3; i++) step(0.5)
        const own = [...weight.dataSync()]
        for (const other of hvd.allgatherObject(own)) expectSame(other, own)
        weight.dispose()
        dispose(world, optimizer)
      },
    ]),
  ),

  'DistributedOptimizer: all ranks take the steps of one process with all examples': (world) => {
    const { hvd, tf, rank, size } = world
    const examples = integers(1, 12, -3, 4)
    const train = (optimizer: Optimizer, from: number, to: number): number[] => {
      const slope = tf.variable(tf.tensor1d([0, 1]), true, 'slope')
      const offset = tf.variable(tf.scalar(0.5), true, 'offset')
      const x = tf.tensor2d(examples.slice(from, to), [to - from, 1])
      const loss = () => tf.mean(tf.square(tf.sub(tf.add(tf.mul(slope, x), offset), tf.mul(2, x)))) as Scalar
      for (let step = 0; step < 5; step++) tf.tidy(() => void optimizer.minimize(loss, false, [slope, offset]))
      const values = [...slope.dataSync(), ...offset.dataSync()]
      tf.dispose([slope, offset, x])
      dispose(world, optimizer)
      return values
    }
    const share = 12 / size
    const distributed = new hvd.DistributedOptimizer(optimizerOf(world, 'momentum'))
    const own = train(distributed, rank * share, (rank + 1) * share)
    for (const other of hvd.allgatherObject(own)) expectSame(other, own)
    const alone = train(optimizerOf(world, 'momentum'), 0, 12)
    expectClose(tf.tensor1d(own), alone, [3], 1e-4)
  },

  'averageMetrics: the mean of the ranks': ({ hvd, rank, size }) => {
    const { loss } = hvd.averageMetrics({ loss: rank * size })
    expectSame(loss, (size * (size - 1)) / 2)
  },
}
