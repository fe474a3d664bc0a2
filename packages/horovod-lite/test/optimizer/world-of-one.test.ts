import * as tf from '@tensorflow/tfjs-core'
import { dynamicLossScale, LossScaleOptimizer } from '@unet-industrial/mixed-precision'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { describeOnBackends, expectNoLeak, expectNoReadBack } from '@unet-internal/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as hvd from '../../src'
import { DistributedOptimizer } from '../../src'

afterEach(() => hvd.shutdown())
const data = async (tensor: tf.Tensor) => [...(await tensor.data())]

/** Two variables, and a loss whose gradients are 2^k and its double. */
function problem() {
  const [a, b] = tf.tidy(() => [tf.variable(tf.tensor1d([1, 2])), tf.variable(tf.scalar(3))]) as [
    tf.Variable,
    tf.Variable,
  ]
  const loss = (k: number) => () => tf.add(tf.mul(tf.sum(a), 2 ** k), tf.mul(b, 2 ** (k + 1))) as tf.Scalar
  return { variables: [a, b], a, b, loss, dispose: () => tf.dispose([a, b]) }
}

describeOnBackends('DistributedOptimizer in a world of one', () => {
  beforeEach(() => hvd.init({ environment: {} }))

  test.each<[string, () => tf.Optimizer]>([
    ['adam', () => tf.train.adam(0.1)],
    ['RMSPropCentered', () => new RMSPropCentered({ learningRate: 0.1, momentum: 0.8 })],
  ])('steps as the wrapped optimizer does, and reads nothing back (%s)', (_, make) =>
    expectNoLeak(async () => {
      const [one, two] = [problem(), problem()]
      const [distributed, plain] = [new DistributedOptimizer(make()), make()]
      for (let step = 0; step < 5; step++) {
        const cost = expectNoReadBack(() => distributed.minimize(one.loss(-step), true, one.variables)!)
        const expected = plain.minimize(two.loss(-step), true, two.variables)!
        expect(await data(cost)).toEqual(await data(expected))
        tf.dispose([cost, expected])
      }
      for (const [i, variable] of one.variables.entries())
        expect(await data(variable)).toEqual(await data(two.variables[i]!))
      expect(distributed.iterations).toBe(5)
      for (const owner of [distributed, plain, one, two]) owner.dispose()
    }),
  )

  test.each([
    [false, 1 + 2 + 4],
    [true, (1 + 2 + 4) / 3],
  ])('adds up the gradients of three passes (average: %s)', (averageAggregatedGradients, gradient) =>
    expectNoLeak(async () => {
      const { variables, b, loss, dispose } = problem()
      const optimizer = new DistributedOptimizer(tf.train.sgd(1), {
        backwardPassesPerStep: 3,
        averageAggregatedGradients,
      })
      for (let step = 1; step <= 2; step++) {
        for (const [k, accumulating] of [true, true, false].entries()) {
          const [before] = await data(b)
          expectNoReadBack(() => optimizer.minimize(loss(k), false, variables))
          expect(optimizer.accumulating).toBe(accumulating)
          if (accumulating) expect(await data(b)).toEqual([before])
        }
        const [value] = await data(b)
        expect(value).toBeCloseTo(3 - 2 * step * gradient, 5)
      }
      optimizer.minimize(loss(0), false, variables) // an unfinished sum is freed by dispose
      optimizer.dispose()
      dispose()
    }),
  )

  test('a state that is set forgets the passes before it', () =>
    expectNoLeak(async () => {
      const { variables, b, loss, dispose } = problem()
      const optimizer = new DistributedOptimizer(tf.train.sgd(1), { backwardPassesPerStep: 2 })
      const weights = await optimizer.getWeights()
      optimizer.minimize(loss(0), false, variables)
      await optimizer.setWeights(weights)
      for (let pass = 0; pass < 2; pass++) optimizer.minimize(loss(0), false, variables)
      expect(await data(b)).toEqual([3 - 2 * 2])
      tf.dispose(weights.map(({ tensor }) => tensor)) // tfjs makes its count of iterations anew
      optimizer.dispose()
      dispose()
    }))

  test('a variable without gradient in one pass keeps that of the other', () =>
    expectNoLeak(async () => {
      const { variables, a, b, loss, dispose } = problem()
      const optimizer = new DistributedOptimizer(tf.train.sgd(1), { backwardPassesPerStep: 2 })
      optimizer.minimize(loss(0), false, variables)
      optimizer.minimize(() => tf.sum(a) as tf.Scalar, false, variables)
      expect(await data(b)).toEqual([3 - 2])
      expect(await data(a)).toEqual([1 - 2, 2 - 2])
      optimizer.dispose()
      dispose()
    }))

  test('compression rounds the gradients', () =>
    expectNoLeak(async () => {
      const { variables, b, dispose } = problem()
      const optimizer = new DistributedOptimizer(tf.train.sgd(1), { compression: 'fp16' })
      const { value, grads } = optimizer.computeGradients(() => tf.mul(b, 1 + 2 ** -12) as tf.Scalar, variables)
      expect(await data(grads[b.name]!)).toEqual([1])
      tf.dispose([value, ...Object.values(grads)])
      optimizer.dispose()
      dispose()
    }))

  test('is conditional only where the wrapped optimizer is', () =>
    expectNoLeak(async () => {
      const { variables, loss, b, dispose } = problem()
      const without = new DistributedOptimizer(tf.train.adam(1))
      const having = new DistributedOptimizer(new RMSPropCentered({ learningRate: 1 }), { backwardPassesPerStep: 2 })
      expect(without.applyGradientsIf).toBeUndefined()
      const before = await data(b)
      for (const [pass, condition] of [true, false, true, true].entries()) {
        tf.tidy(() => {
          const { grads } = having.computeGradients(loss(0), variables)
          having.applyGradientsIf!(tf.scalar(condition, 'bool'), grads)
        })
        if (pass < 3)
          expect(await data(b)).toEqual(before) // adding up; skipped; adding up
        else expect(await data(b)).not.toEqual(before)
      }
      expect(await data(having.optimizer.step)).toEqual([1])
      without.dispose()
      having.dispose()
      dispose()
    }))

  test('state, learning rate and configuration are those of the wrapped optimizer', () =>
    expectNoLeak(async () => {
      const { variables, loss, dispose } = problem()
      const options = { backwardPassesPerStep: 2, compression: 'bf16', gradientPredivideFactor: 4 } as const
      const optimizer = new DistributedOptimizer(new RMSPropCentered({ learningRate: 0.5 }), options)
      optimizer.learningRate = 0.25
      expect([optimizer.learningRate, optimizer.optimizer.learningRate]).toEqual([0.25, 0.25])
      const sgd = new DistributedOptimizer(tf.train.sgd(1))
      sgd.learningRate = 0
      tf.tidy(() => sgd.applyGradients({ [variables[1]!.name]: tf.scalar(1) }))
      expect(await data(variables[1]!)).toEqual([3])

      const again = DistributedOptimizer.fromConfig<DistributedOptimizer>(
        DistributedOptimizer,
        JSON.parse(JSON.stringify(optimizer.getConfig())),
      )
      expect(again.getConfig()).toEqual(optimizer.getConfig())
      expect(again.getConfig()).toMatchObject({ ...options, optimizer: { className: 'RMSPropCentered' } })
      for (let pass = 0; pass < 3; pass++) optimizer.minimize(loss(pass), false, variables) // the third is unfinished
      await again.setWeights(await optimizer.getWeights())
      const [theirs, ours] = await Promise.all([again.getWeights(), optimizer.getWeights()])
      expect(theirs.map(({ name }) => name)).toEqual(ours.map(({ name }) => name))
      for (const [i, { tensor }] of theirs.entries()) expect(await data(tensor)).toEqual(await data(ours[i]!.tensor))
      await optimizer.setWeights((await again.getWeights()).map(({ name, tensor }) => ({ name, tensor })))
      expect(optimizer.accumulating).toBe(false) // begins anew
      for (const owner of [sgd, optimizer, again]) owner.dispose()
      dispose()
    }))

  test('refuses options that mean nothing, and a loss scale inside', () => {
    const make = (options: hvd.DistributedOptimizerOptions) => () => new DistributedOptimizer(tf.train.adam(1), options)
    expect(make({ backwardPassesPerStep: 0 })).toThrow(/backwardPassesPerStep: got 0/)
    for (const factor of [0, Infinity, Number.NaN])
      expect(make({ gradientPredivideFactor: factor })).toThrow(`gradientPredivideFactor: got ${factor}`)
    expect(make({ gradientPredivideFactor: 2, op: hvd.Sum })).toThrow(/gradientPredivideFactor: got 2 with op Sum/)
    expect(make({ compression: 'fp8' as 'fp16' })).toThrow(/compression: got fp8, expected none, fp16 or bf16/)
    expect(make({ op: 'Mean' as 'Sum' })).toThrow(/op: got Mean, expected Average, Sum, Min, Max or Product/)
    const scaled = new LossScaleOptimizer(tf.train.adam(1), dynamicLossScale.keras())
    expect(() => new DistributedOptimizer(scaled)).toThrow(/expected the other way round/)
  })
})
