import * as tf from '@tensorflow/tfjs-core'
import { broadcast, broadcastObject } from '../collectives/collectives'
import { rank, size } from '../context'
import { learningRateOf, setLearningRate } from './learning_rate'

type NamedTensor = Awaited<ReturnType<tf.Optimizer['getWeights']>>[number]

/**
 * Gives an optimizer the root's state, on every rank: slots and step counters (`getWeights`, `setWeights`), and the
 * learning rate where that is a number. Slots need not exist yet, here or on the root. Call it beside
 * `broadcastVariables`.
 *
 * The root sets its own state anew too: tfjs's Adam then computes its powers of beta in another way, and all ranks must
 * go on with the same bits.
 * @throws where the optimizer has no `getWeights` (tfjs's Adamax), or where the ranks have optimizers of different classes
 */
export async function broadcastOptimizerState(optimizer: tf.Optimizer, { root = 0 } = {}): Promise<void> {
  const own = await optimizer.getWeights()
  const name = `state of ${classNames(optimizer)}`
  const rate = learningRateOf(optimizer)
  const state = broadcastObject(
    {
      learningRate: typeof rate === 'number' ? rate : null,
      weights: own.map(({ name, tensor: { shape, dtype } }) => ({ name, shape, dtype })),
    },
    { root, name },
  )
  if (size() > 1) {
    const weights = state.weights.map(({ name: slot, shape, dtype }, i) => {
      const mine = rank() === root ? own[i]!.tensor : tf.zeros(shape, dtype)
      const tensor = broadcast(mine, { root, name: `${name}: ${slot}` })
      if (mine !== own[i]?.tensor) mine.dispose()
      return { name: slot, tensor }
    })
    await optimizer.setWeights(weights)
    if (state.learningRate !== null) setLearningRate(optimizer, state.learningRate)
    tf.dispose(weights.map(({ tensor }) => tensor))
  }
  await disposeUnused(optimizer, own)
}

/** tfjs's optimizers forget slots that `setWeights` replaces, and make their count of steps anew for each `getWeights`. */
export async function disposeUnused(optimizer: tf.Optimizer, before: NamedTensor[]): Promise<void> {
  const after = await optimizer.getWeights()
  const used = new Set(after.filter(({ name }) => name !== 'iter').map(({ tensor }) => tensor))
  for (const { tensor } of [...before, ...after]) if (!used.has(tensor)) tensor.dispose()
}

/** The classes of an optimizer and of those that it wraps: `DistributedOptimizer(Adam)`. */
function classNames(optimizer: tf.Optimizer): string {
  const inner: tf.Optimizer | undefined = Reflect.get(optimizer, 'optimizer')
  return inner ? `${optimizer.getClassName()}(${classNames(inner)})` : optimizer.getClassName()
}
