import * as tf from '@tensorflow/tfjs-core'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { describeOnBackends, expectNoLeak, expectNoReadBack } from '@unet-internal/testing'
import { describe, expect, test } from 'vitest'
import { dynamicLossScale, fixedLossScale, LossScaleOptimizer } from '../src'
import { bitsOf, disposeAll, linear, slotsOf } from './problem'

const optimizers: Record<string, () => tf.Optimizer> = {
  sgd: () => tf.train.sgd(0.01),
  momentum: () => tf.train.momentum(0.01, 0.9),
  nesterov: () => tf.train.momentum(0.01, 0.9, true),
  adagrad: () => tf.train.adagrad(0.01),
  adadelta: () => tf.train.adadelta(0.01),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0.5),
  'rmsprop centered': () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-7),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
  'our RMSProp': () => new RMSPropCentered({ learningRate: 0.01, momentum: 0.8 }),
}
const scales = {
  dynamic: () => dynamicLossScale.tensorflow({ growthInterval: 3 }),
  fixed: () => fixedLossScale(1024),
}

describeOnBackends('around', () => {
  describe.each(Object.entries(optimizers))('%s', (_, make) => {
    test.each(Object.entries(scales))('a skipped step changes no bit, the first neither (%s)', (_, scale) =>
      expectNoLeak(async () => {
        const [one, two] = [linear(), linear()]
        const [scaled, plain] = [new LossScaleOptimizer(make(), scale()), make()]
        const skip = () => expectNoReadBack(() => scaled.minimize(one.loss(1, Number.NaN), false, one.variables))
        const state = () => bitsOf([...one.variables, ...slotsOf(scaled.optimizer)])

        skip()
        skip()
        for (let step = 0; step < 6; step++) {
          // Powers of two scale without loss, so that all is as if the bad steps had never been.
          const gradients = [Math.sin(step + 1), Math.cos(step)] as const
          expectNoReadBack(() => scaled.minimize(one.loss(...gradients), false, one.variables))
          plain.minimize(two.loss(...gradients), false, two.variables)
          const before = await state()
          expect(before).toEqual(await bitsOf([...two.variables, ...slotsOf(plain)]))
          skip()
          expect(await state()).toEqual(before)
        }
        for (const owner of [scaled, one, two]) owner.dispose()
        for (const optimizer of [scaled.optimizer, plain]) disposeAll(optimizer)
      }),
    )
  })

  test('variables that come later begin with fresh slots, too', () =>
    expectNoLeak(async () => {
      const [one, two] = [linear(), linear()]
      const [scaled, plain] = [
        new LossScaleOptimizer(tf.train.adam(0.01), fixedLossScale(8)),
        tf.train.adam(0.01) as tf.Optimizer,
      ] as const
      const gradients = ({ a, b }: typeof one, both: boolean, value = 1): tf.NamedTensorMap => ({
        [a.name]: tf.fill([3], value),
        ...(both ? { [b.name]: tf.scalar(value) } : {}),
      })
      tf.tidy(() => {
        scaled.applyGradients(gradients(one, false))
        scaled.applyGradients(gradients(one, true, Number.NaN)) // skipped, and the first with b
        scaled.applyGradients(gradients(one, true))
        plain.applyGradients(gradients(two, false))
        plain.applyGradients(gradients(two, true))
      })
      expect(await bitsOf(one.variables)).toEqual(await bitsOf(two.variables))
      for (const owner of [scaled, plain, one, two]) owner.dispose()
    }))

  test("a built-in optimizer's saved count of iterations is without the skipped steps", () =>
    expectNoLeak(async () => {
      const { variables, loss, dispose } = linear()
      const optimizer = new LossScaleOptimizer(tf.train.adam(0.01), dynamicLossScale.keras())
      for (const gradient of [1, Number.NaN, 1, Number.NaN, 1]) optimizer.minimize(loss(gradient, 1), false, variables)
      const weights = await optimizer.getWeights()
      expect([...(await weights[0]!.tensor.data())]).toEqual([3])
      expect(optimizer.iterations).toBe(5)
      const saved = weights.map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))
      weights[0]!.tensor.dispose()
      optimizer.dispose()

      const resumed = new LossScaleOptimizer(tf.train.adam(0.01), dynamicLossScale.keras())
      await resumed.setWeights(saved)
      expect(resumed.iterations).toBe(3)
      expect([...(await resumed.lossScale.data())]).toEqual([2 ** 13])
      tf.dispose(saved.map(({ tensor }) => tensor))
      resumed.dispose()
      dispose()
    }))

  test('after a state without slots was set, slots begin afresh', () =>
    expectNoLeak(async () => {
      const [one, two] = [linear(), linear()]
      const make = () => new LossScaleOptimizer(tf.train.adagrad(0.1) as tf.Optimizer, dynamicLossScale.keras())
      const [used, fresh] = [make(), make()]
      const start = await fresh.getWeights()
      used.minimize(one.loss(1, 1), false, one.variables)
      tf.dispose(slotsOf(used.optimizer)) // tfjs replaces them without freeing them
      await used.setWeights(start)
      used.minimize(one.loss(1, Number.NaN), false, one.variables)
      fresh.minimize(two.loss(1, Number.NaN), false, two.variables)
      const slots = (optimizer: LossScaleOptimizer) => bitsOf(slotsOf(optimizer.optimizer))
      expect(await slots(used)).toEqual(await slots(fresh))
      start[0]!.tensor.dispose() // `iter`, which tfjs makes anew
      for (const owner of [used, fresh, one, two]) owner.dispose()
    }))

  test('an optimizer whose slots cannot be known before its first step is refused', () => {
    class Late extends tf.Optimizer {
      static className = 'Late'
      slot?: tf.Variable
      override applyGradients(gradients: tf.NamedTensorMap) {
        for (const gradient of Object.values(gradients)) if (gradient) this.slot ??= tf.variable(gradient, false)
      }
      override getConfig = () => ({})
    }
    class Strict extends Late {
      static override className = 'Strict'
      override applyGradients(gradients: tf.NamedTensorMap) {
        for (const gradient of Object.values(gradients)) gradient.dispose()
      }
    }
    const { variables, loss, dispose } = linear()
    const late = new LossScaleOptimizer(new Late(), fixedLossScale(1))
    expect(() => late.minimize(loss(1, 1), false, variables)).toThrow(/got Late, expected .* not its first gradients/)
    const strict = new LossScaleOptimizer(new Strict(), fixedLossScale(1))
    expect(() => strict.minimize(loss(1, 1), false, variables)).toThrow(/got Strict, expected .* not null gradients/)
    dispose()
  })
})
