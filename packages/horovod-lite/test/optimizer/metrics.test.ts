import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectNoLeak } from '@unet-internal/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { averageMetrics, init, MetricAverageCallback, shutdown } from '../../src'

beforeAll(() => init({ environment: {} }))
afterAll(() => shutdown())

test('in a world of one metrics are what they were, scalars read back', () =>
  expectNoLeak(() => {
    const [loss, steps] = [tf.scalar(0.25), tf.scalar(7, 'int32')]
    expect(averageMetrics({ loss, dice: 1 / 3, steps })).toEqual({ loss: 0.25, dice: 1 / 3, steps: 7 })
    expect(averageMetrics({ dice: 1 / 3 }, { count: 3 })).toEqual({ dice: 1 / 3 })
    expect(averageMetrics({ dice: 1 }, { count: 0 })).toEqual({ dice: Number.NaN })
    expect(averageMetrics({})).toEqual({})
    tf.dispose([loss, steps])
  }))

test('refuses other tensors and counts', () =>
  tf.tidy(() => {
    expect(() => averageMetrics({ loss: tf.ones([2]) as unknown as tf.Scalar })).toThrow('got a tensor of shape [2]')
    for (const count of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => averageMetrics({ loss: 1 }, { count })).toThrow(`count: got ${count}`)
  }))

test('the callback averages in place, and stands a missing record', async () => {
  const logs = { loss: 0.5 }
  await new MetricAverageCallback().onEpochEnd(0, logs)
  expect(logs).toEqual({ loss: 0.5 })
  await new MetricAverageCallback().onEpochEnd(0)
})
