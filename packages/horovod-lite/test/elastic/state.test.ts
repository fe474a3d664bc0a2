import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { expectNoLeak } from '@unet-internal/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as hvd from '../../src'
import { disposeOptimizer } from '../support/small_model'

beforeEach(() => hvd.init({ environment: {} }))
afterEach(() => hvd.shutdown())

test.each<[string, () => tf.Optimizer]>([
  ['momentum', () => tf.train.momentum(0.1, 0.9)],
  ['adam', () => tf.train.adam(0.1)],
  ['RMSPropCentered', () => new RMSPropCentered({ learningRate: 0.1, momentum: 0.8 })],
])('goes back to the last commit, to the bit, and leaks nothing (%s)', (_, make) =>
  expectNoLeak(async () => {
    const weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
    const optimizer = make()
    const state = new hvd.elastic.TrainingState({ variables: [weight], optimizer, values: { step: 0, seen: ['a'] } })
    const step = () => optimizer.minimize(() => tf.sum(tf.square(weight)) as tf.Scalar, false, [weight])
    const values = () => [...weight.dataSync()]
    await state.sync()
    step()
    state.values.step = 1
    await state.commit()
    const committed = values()
    step()
    const after = values()
    state.values.step = 2
    state.values.seen.push('b')
    await state.restore()
    expect([values(), state.values]).toEqual([committed, { step: 1, seen: ['a'] }])
    step() // the slots are those of the commit, too
    expect(values()).toEqual(after)
    state.dispose()
    tf.dispose(weight)
    disposeOptimizer(optimizer)
  }),
)

test('run trains once without a launcher, and passes errors on', async () => {
  const state = new hvd.elastic.ObjectState({ step: 0 })
  expect(await hvd.elastic.run(state, ({ values }) => ++values.step)).toBe(1)
  const failure = new Error('of the training')
  await expect(hvd.elastic.run(state, () => Promise.reject(failure))).rejects.toBe(failure)
  const gone = new hvd.HorovodInternalError('a peer is gone')
  await expect(hvd.elastic.run(state, () => Promise.reject(gone))).rejects.toBe(gone) // nobody would give a new world
})
