import * as tf from '@tensorflow/tfjs-core'
import { exponentialDecay, RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { describeOnBackends, expectClose, expectNoLeak, expectNoReadBack } from '@unet-internal/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { DistributedOptimizer, init, LearningRateWarmup, learningRateWarmup, shutdown } from '../../src'

afterEach(() => shutdown())

describe('learningRateWarmup', () => {
  test('rises in equal increments to size times the rate, as in Horovod, and stays', () => {
    const warmup = learningRateWarmup({ learningRate: 0.5, warmupSteps: 4, size: 9 })
    expect([0, 1, 2, 3, 4, 100].map((step) => warmup.at(step))).toEqual([1.5, 2.5, 3.5, 4.5, 4.5, 4.5])
  })

  test('without steps it is linear scaling; in a world of one nothing', async () => {
    expect(learningRateWarmup({ learningRate: 0.5, warmupSteps: 0, size: 4 }).at(0)).toBe(2)
    await init({ environment: {} })
    expect(learningRateWarmup({ learningRate: 0.5, warmupSteps: 10 }).at(3)).toBe(0.5)
  })

  test('multiplies a schedule, whose steps go on', () => {
    const inner = exponentialDecay({ initialLearningRate: 1, decaySteps: 2, decayRate: 0.5, staircase: true })
    const warmup = learningRateWarmup({ learningRate: inner, warmupSteps: 2, size: 3 })
    expect([0, 1, 2, 4].map((step) => warmup.at(step))).toEqual([2, 3, 1.5, 0.75])
  })

  test('refuses what means nothing', () => {
    const make = (options: object) => () => learningRateWarmup({ learningRate: 1, warmupSteps: 1, ...options })
    expect(make({ learningRate: Number.NaN })).toThrow('learningRate: got NaN')
    expect(make({ learningRate: undefined })).toThrow('learningRate: got undefined')
    expect(make({ warmupSteps: 1.5 })).toThrow('warmupSteps: got 1.5, expected a whole number of at least 0')
    expect(make({ size: 0 })).toThrow('size: got 0, expected a number of at least 1')
  })
})

describeOnBackends('learningRateWarmup in the graph', () => {
  test.each([0, 1, 7])('is the same as in JavaScript, and reads nothing back (%i steps)', (warmupSteps) =>
    expectNoLeak(async () => {
      const inner = exponentialDecay({ initialLearningRate: 0.1, decaySteps: 3, decayRate: 0.9 })
      for (const learningRate of [0.1, inner]) {
        const warmup = learningRateWarmup({ learningRate, warmupSteps, size: 3 })
        for (const step of [0, 3, 6, 7, 1000]) {
          const at = tf.scalar(step, 'int32')
          const rate = expectNoReadBack(() => warmup.apply(at))
          expect([rate.dtype, rate.shape]).toEqual(['float32', []])
          expectClose(await rate.data(), [warmup.at(step)], { relative: 4 * 2 ** -23 })
          tf.dispose([at, rate])
        }
      }
    }),
  )

  test('drives RMSPropCentered by its own counter, and comes back from its configuration', () =>
    expectNoLeak(async () => {
      await init({ environment: {} })
      const inner = exponentialDecay({ initialLearningRate: 0.25, decaySteps: 1, decayRate: 1 })
      const warmup = learningRateWarmup({ learningRate: inner, warmupSteps: 2, size: 3 })
      const make = (learningRate: LearningRateWarmup) =>
        new RMSPropCentered({ learningRate, decay: 0, epsilon: 0, centered: false }) // steps by the rate itself
      const distributed = new DistributedOptimizer(make(warmup))
      const again = DistributedOptimizer.fromConfig<DistributedOptimizer>(
        DistributedOptimizer,
        JSON.parse(JSON.stringify(distributed.getConfig())),
      )
      expect(again.learningRate).toBeInstanceOf(LearningRateWarmup)
      for (const optimizer of [distributed, again]) {
        const x = tf.tidy(() => tf.variable(tf.scalar(3)))
        for (const left of [2.5, 1.75, 1]) {
          expectNoReadBack(() => optimizer.minimize(() => tf.mul(x, 2), false, [x]))
          expectClose(await x.data(), [left], { relative: 1e-6 })
        }
        x.dispose()
        optimizer.dispose()
      }
    }))

  test('drives a plain optimizer through its learning rate', () =>
    expectNoLeak(async () => {
      await init({ environment: {} })
      const warmup = learningRateWarmup({ learningRate: 1, warmupSteps: 2, size: 3 })
      const optimizer = new DistributedOptimizer(tf.train.sgd(0))
      const x = tf.tidy(() => tf.variable(tf.scalar(0)))
      for (const [step, expected] of [-2, -5, -8].entries()) {
        optimizer.learningRate = warmup.at(step)
        optimizer.minimize(() => tf.mul(x, 1), false, [x])
        expect(await x.data()).toEqual(Float32Array.of(expected))
      }
      optimizer.dispose()
      x.dispose()
    }))
})
