import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { expectNoLeak } from '@unet-internal/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as hvd from '../../src'

beforeEach(() => hvd.init({ environment: {} }))
afterEach(() => hvd.shutdown())

const optimizers: [string, () => tf.Optimizer][] = [
  ['momentum', () => tf.train.momentum(0.1, 0.9)],
  ['adam', () => tf.train.adam(0.1)],
  ['RMSPropCentered', () => new RMSPropCentered({ learningRate: 0.1, momentum: 0.8 })],
  ['DistributedOptimizer', () => new hvd.DistributedOptimizer(tf.train.rmsprop(0.1, 0.9, 0.5))],
]

/** tfjs's optimizers do not free everything themselves. */
async function disposeOptimizer(optimizer: tf.Optimizer): Promise<void> {
  const left = await optimizer.getWeights()
  optimizer.dispose()
  tf.dispose(left.map(({ tensor }) => tensor))
  tf.dispose(Reflect.get(Reflect.get(optimizer, 'optimizer') ?? optimizer, 'c'))
}

describe.each(optimizers)('TrainingState with %s', (_, make) => {
  test('goes back to the last commit, to the bit, and leaks nothing', () =>
    expectNoLeak(async () => {
      const weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
      const optimizer = make()
      const state = new hvd.elastic.TrainingState({ variables: [weight], optimizer, step: 0, seen: ['a'] })
      const step = () => optimizer.minimize(() => tf.sum(tf.square(weight)) as tf.Scalar, false, [weight])
      const values = () => [...weight.dataSync()]
      await state.sync()
      step()
      state.step = 1
      await state.commit()
      const committed = values()
      for (let again = 0; again < 3; again++) {
        step()
        const once = values()
        step()
        const twice = values()
        state.step = 2
        state.seen.push('b')
        await state.restore()
        expect([values(), state.step, state.seen]).toEqual([committed, 1, ['a']])
        step() // the slots are those of the commit, too
        expect(values()).toEqual(once)
        step()
        expect(values()).toEqual(twice)
        await state.restore()
      }
      state.dispose()
      tf.dispose(weight)
      await disposeOptimizer(optimizer)
    }))

  test('a commit before the first step has no slots to go back to', () =>
    expectNoLeak(async () => {
      const weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
      const optimizer = make()
      const state = new hvd.elastic.TrainingState({ variables: { weight }, optimizer })
      const step = () => optimizer.minimize(() => tf.sum(tf.square(weight)) as tf.Scalar, false, [weight])
      await state.commit()
      step()
      const first = [...weight.dataSync()]
      step()
      await state.restore()
      expect([...weight.dataSync()]).toEqual([1, 2])
      step()
      for (const [i, value] of weight.dataSync().entries()) expect(value).toBeCloseTo(first[i]!, 6)
      state.dispose()
      tf.dispose(weight)
      await disposeOptimizer(optimizer)
    }))
})

test('keeping costs no copy, and the learning rate goes back too', async () => {
  const weight = tf.tidy(() => tf.variable(tf.zeros([1000])))
  const optimizer = tf.train.adam(0.1)
  const state = new hvd.elastic.TrainingState({ variables: [weight], optimizer })
  const { numDataBuffers } = tf.memory()
  await state.commit()
  expect(tf.memory().numDataBuffers).toBe(numDataBuffers + 1) // the step counter is made anew
  Reflect.set(optimizer, 'learningRate', 0.5)
  await state.restore()
  expect(Reflect.get(optimizer, 'learningRate')).toBe(0.1)
  state.dispose()
  tf.dispose(weight)
  await disposeOptimizer(optimizer)
})

describe('ObjectState', () => {
  test('commits are copies', async () => {
    const state = new hvd.elastic.ObjectState({ list: [1], step: 0 })
    state.list.push(2)
    await state.commit()
    state.list.push(3)
    state.step = 9
    await state.restore()
    expect([state.list, state.step]).toEqual([[1, 2], 0])
    state.list.push(4) // nor does what follows change the commit
    await state.restore()
    expect(state.list).toEqual([1, 2])
  })

  test('takes any name but those of its methods', async () => {
    const values = { kept: 1, saved: 2, names: 3, callbacks: 4 }
    const state = new hvd.elastic.TrainingState({ variables: [], ...values })
    expect({ ...state }).toMatchObject(values)
    await state.commit()
    state.kept = 9
    await state.restore()
    expect({ ...state }).toMatchObject(values)
    state.dispose()
  })

  test('refuses values that cannot be kept, or have a name of its own', () => {
    expect(() => new hvd.elastic.ObjectState({ read: () => 1 })).toThrow(/read of the state cannot be copied/)
    expect(() => new hvd.elastic.ObjectState({ commit: 1 })).toThrow(/got a value named commit/)
  })
})

describe('run', () => {
  test('trains once where there is no elastic launcher, and passes errors on', async () => {
    const state = new hvd.elastic.ObjectState({ step: 0 })
    expect(await hvd.elastic.run(state, (state) => ++state.step)).toBe(1)
    const failure = new Error('of the training')
    await expect(hvd.elastic.run(state, () => Promise.reject(failure))).rejects.toBe(failure)
    const gone = new hvd.HorovodInternalError('a peer is gone')
    await expect(hvd.elastic.run(state, () => Promise.reject(gone))).rejects.toBe(gone) // nobody would give a new world
  })

  test('wraps a function, as in Horovod', async () => {
    const train = hvd.elastic.run(({ step }: hvd.ObjectState<{ step: number }>) => step + 1)
    expect(await train(new hvd.elastic.ObjectState({ step: 4 }))).toBe(5)
  })

  test('wants init first', async () => {
    await hvd.shutdown()
    await expect(hvd.elastic.run(new hvd.elastic.ObjectState({}), () => 1)).rejects.toThrow(/before init/)
  })
})
