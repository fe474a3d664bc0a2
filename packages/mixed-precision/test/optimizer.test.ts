import * as tf from '@tensorflow/tfjs-core'
import { DistributedOptimizer, init, shutdown } from '@unet-industrial/horovod-lite'
import { exponentialDecay, RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { describeOnBackends, expectNoLeak, expectNoReadBack } from '@unet-internal/testing'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { allFinite, clipByGlobalNorm, dynamicLossScale, fixedLossScale, LossScaleOptimizer } from '../src'
import { bitsOf, linear } from './problem'

const values = async (tensor: tf.Tensor) => [...(await tensor.data())]
const LARGEST = (2 - 2 ** -23) * 2 ** 127

beforeAll(() => init())
afterAll(() => shutdown())

describeOnBackends('LossScaleOptimizer', () => {
  test('gives the loss itself, also where only the scaled one overflows; such a step is skipped', () =>
    expectNoLeak(async () => {
      const { variables, loss, dispose } = linear()
      const optimizer = new LossScaleOptimizer(tf.train.sgd(1), dynamicLossScale.tensorflowContrib({ badSteps: 1 }))
      const before = await bitsOf(variables)
      const huge = optimizer.minimize(loss(1e30, 1), true, variables)! // 2^32 · 1e30 is beyond float32
      expect((await values(huge))[0]).toBeCloseTo(1e30, -24)
      expect(await bitsOf(variables)).toEqual(before)
      expect(await values(optimizer.lossScale)).toEqual([Math.fround(2 ** 32 * Math.fround(0.8))])
      const small = optimizer.minimize(loss(2 ** 30, 1), true, variables)! // 2^62: no overflow
      expect(await bitsOf(variables)).not.toEqual(before)
      tf.dispose([huge, small])
      optimizer.dispose()
      dispose()
    }))

  test('scaling by a power of two changes no bit of the gradients, up to 2^127', () =>
    expectNoLeak(async () => {
      for (const scale of [2 ** -3, 1, 2 ** 15, 2 ** 32, 2 ** 127]) {
        const { variables, loss, dispose } = linear()
        const optimizer = new LossScaleOptimizer(tf.train.sgd(1), fixedLossScale(scale))
        const { value, grads } = optimizer.computeGradients(loss(0.3, -0.7), variables)
        const plain = tf.variableGrads(loss(0.3, -0.7), variables)
        expect(await bitsOf([value, ...Object.values(grads)])).toEqual(
          await bitsOf([plain.value, ...Object.values(plain.grads)]),
        )
        tf.dispose([{ value, grads }, plain] as unknown as tf.TensorContainer)
        optimizer.dispose()
        dispose()
      }
    }))

  test('judges before clipping, which could hide what is not finite', () =>
    expectNoLeak(async () => {
      const clip = (gradients: tf.NamedTensorMap) =>
        Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, tf.clipByValue(gradient, -1, 1)]))
      const { variables, loss, dispose } = linear()
      const byOption = new LossScaleOptimizer(tf.train.sgd(1), dynamicLossScale.keras(), { clip })
      const byHand = new LossScaleOptimizer(tf.train.sgd(1), dynamicLossScale.keras())
      const before = await bitsOf(variables)
      byOption.minimize(loss(Infinity, 1), false, variables)
      tf.tidy(() => byHand.applyGradients(clip(byHand.computeGradients(loss(1, Infinity), variables).grads)))
      expect(await bitsOf(variables)).toEqual(before)
      for (const optimizer of [byOption, byHand]) expect(await values(optimizer.lossScale)).toEqual([2 ** 14])

      tf.tidy(() => {
        byHand.computeGradients(loss(1, Infinity), variables) // one bad pass of two, hidden by the clip
        const { grads } = byHand.computeGradients(loss(1, 1), variables)
        byHand.applyGradients(clip(grads))
      })
      expect(await bitsOf(variables)).toEqual(before)

      byOption.minimize(loss(40, 3), false, variables) // clipped to 1
      expect(await values(variables[1]!)).toEqual([0.125 - 1])
      byHand.dispose()
      byOption.dispose()
      dispose()
    }))

  test('gradients that a clip made infinite or NaN are not applied', () =>
    expectNoLeak(async () => {
      const { variables, loss, dispose } = linear()
      const broken = (gradients: tf.NamedTensorMap) =>
        Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, tf.div(gradient, 0)]))
      const optimizer = new LossScaleOptimizer(tf.train.sgd(1), dynamicLossScale.keras(), { clip: broken })
      const before = await bitsOf(variables)
      optimizer.minimize(loss(1, 1), false, variables)
      expect(await bitsOf(variables)).toEqual(before)
      optimizer.dispose()
      dispose()
    }))

  test('a tape of your own: scaleLoss, unscaleGradients, applyGradients; several passes for one step', () =>
    expectNoLeak(async () => {
      const { variables, a, b, loss, dispose } = linear()
      const optimizer = new LossScaleOptimizer(tf.train.sgd(1), dynamicLossScale.pytorch())
      const pass = (ga: number, gb: number) => {
        const { value, grads } = tf.variableGrads(() => optimizer.scaleLoss(loss(ga, gb)()), variables)
        value.dispose()
        return optimizer.unscaleGradients(grads)
      }
      const step = (...passes: [number, number][]) =>
        tf.tidy(() => {
          const all = passes.map((gradients) => pass(...gradients))
          const sum = (name: string) => tf.addN(all.map((gradients) => gradients[name]!))
          optimizer.applyGradients({ [a.name]: sum(a.name), [b.name]: sum(b.name) })
        })
      expectNoReadBack(() => step([1, 2], [0.5, 1]))
      expect(await values(b)).toEqual([0.125 - 3])
      step([1, Infinity], [1, -Infinity]) // either alone is enough to skip
      step([1, Infinity], [1, 1])
      expect(await values(b)).toEqual([0.125 - 3])
      expect(await values(optimizer.lossScale)).toEqual([2 ** 14])
      step([1, 1])
      expect(await values(b)).toEqual([0.125 - 4])
      optimizer.dispose()
      dispose()
    }))

  test('scaling twice and unscaling twice are errors', () => {
    // No leak check: tfjs leaves the saved tensors of a tape whose loss throws.
    const { variables, loss, dispose } = linear()
    const optimizer = new LossScaleOptimizer(tf.train.sgd(1), fixedLossScale(8))
    tf.tidy(() => {
      const twice = () => optimizer.scaleLoss(optimizer.scaleLoss(loss(1, 1)()))
      expect(twice).toThrow(/loss that is scaled already/)
      expect(() => optimizer.minimize(() => optimizer.scaleLoss(loss(1, 1)()), false, variables)).toThrow(
        /scaled already/,
      )
      const { grads } = optimizer.computeGradients(loss(1, 1), variables)
      expect(() => optimizer.unscaleGradients(grads)).toThrow(/unscaled already, expected a scaled one/)
      const scaled = tf.variableGrads(() => optimizer.scaleLoss(loss(1, 1)()), variables)
      expect(() => optimizer.applyGradients(scaled.grads)).toThrow(/call unscaleGradients first/)
      optimizer.applyGradients(optimizer.unscaleGradients(scaled.grads))
    })
    expect(() => new LossScaleOptimizer(optimizer, fixedLossScale(8))).toThrow(/scaled twice/)
    const between = new DistributedOptimizer(tf.train.sgd(1))
    Reflect.set(between, 'optimizer', optimizer)
    expect(() => new LossScaleOptimizer(between, fixedLossScale(8))).toThrow(/scaled twice/)
    between.dispose()
    dispose()
  })

  test('a fixed scale stays; it skips, or as in TensorFlow applies what is not finite', () =>
    expectNoLeak(async () => {
      const { variables, b, loss, dispose } = linear()
      const skips = new LossScaleOptimizer(tf.train.sgd(1), fixedLossScale(8))
      const applies = new LossScaleOptimizer(tf.train.sgd(1), fixedLossScale(8, { skipNonFinite: false }))
      skips.minimize(loss(1, Number.NaN), false, variables)
      expect(await values(b)).toEqual([0.125])
      applies.minimize(loss(1, Number.NaN), false, variables)
      expect(await values(b)).toEqual([Number.NaN])
      for (const optimizer of [skips, applies]) {
        expect(await values(optimizer.lossScale)).toEqual([8])
        optimizer.dispose()
      }
      dispose()
    }))

  test('the whole nest, resumed from a saved state, continues to the same bits', () =>
    expectNoLeak(async () => {
      const schedule = exponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.8, staircase: true })
      const nest = () => {
        const rmsprop = new RMSPropCentered({ learningRate: schedule, momentum: 0.8 })
        return new LossScaleOptimizer(
          new DistributedOptimizer(rmsprop),
          dynamicLossScale.tensorflowContrib({ growthInterval: 2 }),
        )
      }
      const run = (
        optimizer: tf.Optimizer,
        { loss, variables }: ReturnType<typeof linear>,
        from: number,
        to: number,
      ) => {
        for (let step = from; step < to; step++) {
          const bad = [0, 4, 7, 8].includes(step)
          expectNoReadBack(() => optimizer.minimize(loss(Math.sin(step), bad ? Infinity : 0.5), false, variables))
        }
      }
      const [one, two] = [linear(), linear()]
      const [straight, first, resumed] = [nest(), nest(), nest()]
      run(straight, one, 0, 12)
      run(first, two, 0, 6)
      const weights = await first.getWeights()
      expect(weights.map(({ name }) => name)).toEqual([
        'step',
        ...two.variables.flatMap(({ name }) => ['rms', 'mg', 'momentum'].map((slot) => `${name}/${slot}`)),
        'loss_scale',
        'good_steps',
        'bad_steps',
      ])
      expect(await values(weights[0]!.tensor)).toEqual([4]) // two of six were skipped
      const saved = weights.map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))
      first.dispose()
      await resumed.setWeights(saved)
      tf.dispose(saved.map(({ tensor }) => tensor))
      run(resumed, two, 6, 12)
      const state = async (optimizer: tf.Optimizer, variables: tf.Variable[]) =>
        bitsOf([...variables, ...(await optimizer.getWeights()).map(({ tensor }) => tensor)])
      expect(await state(resumed, two.variables)).toEqual(await state(straight, one.variables))
      for (const owner of [straight, resumed, one, two]) owner.dispose()
    }))

  test('while passes are added up the scale stays; the sum is judged as one', () =>
    expectNoLeak(async () => {
      const { variables, b, loss, dispose } = linear()
      const passes = new DistributedOptimizer(tf.train.sgd(1), { backwardPassesPerStep: 2 })
      const optimizer = new LossScaleOptimizer(passes, dynamicLossScale.keras({ growthInterval: 2 }))
      const pass = (gradient: number) => optimizer.minimize(loss(1, gradient), false, variables)
      const state = async () => [...(await values(b)), ...(await values(optimizer.lossScale))]
      pass(1)
      expect(await state()).toEqual([0.125, 2 ** 15])
      pass(2)
      expect(await state()).toEqual([0.125 - 3, 2 ** 15])
      pass(Number.NaN)
      expect(await state()).toEqual([0.125 - 3, 2 ** 15])
      pass(1)
      expect(await state()).toEqual([0.125 - 3, 2 ** 14]) // the sum was NaN
      for (const gradient of [1, 1, 1, 1]) pass(gradient)
      expect(await state()).toEqual([0.125 - 7, 2 ** 15]) // two good steps of two passes
      optimizer.dispose()
      dispose()
    }))

  test('setWeights refuses a state without a scale, and then changes nothing', () =>
    expectNoLeak(async () => {
      const optimizer = new LossScaleOptimizer(new RMSPropCentered({ learningRate: 1 }), dynamicLossScale.keras())
      const weights = await optimizer.getWeights()
      const without = weights.filter(({ name }) => name !== 'good_steps')
      await expect(optimizer.setWeights(without)).rejects.toThrow(/got no weight good_steps/)
      await expect(optimizer.setWeights(weights.slice(1))).rejects.toThrow(/got no weight step/)
      expect(await values(optimizer.lossScale)).toEqual([2 ** 15])
      optimizer.dispose()
    }))

  test('the learning rate is the wrapped one’s, to read and to set', () =>
    expectNoLeak(async () => {
      for (const make of [
        () => tf.train.sgd(0.5),
        () => tf.train.adam(0.5),
        () => new RMSPropCentered({ learningRate: 0.5 }),
      ]) {
        const { variables, b, loss, dispose } = linear()
        const optimizer = new LossScaleOptimizer(new DistributedOptimizer(make()), fixedLossScale(8))
        expect(optimizer.learningRate).toBe(0.5)
        optimizer.learningRate = 0
        expect(optimizer.learningRate).toBe(0)
        optimizer.minimize(loss(1, 1), false, variables)
        expect(await values(b)).toEqual([0.125])
        optimizer.dispose()
        dispose()
      }
    }))

  test('allFinite: false for one NaN or infinity anywhere, true for the largest numbers', () =>
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(0, -0, 1, LARGEST, -LARGEST, 2 ** -149), { minLength: 1, maxLength: 9 }), {
          maxLength: 4,
        }),
        fc.constantFrom(Number.NaN, Infinity, -Infinity),
        fc.nat(),
        (tensors, bad, position) => {
          const judge = () => tf.tidy(() => allFinite(tensors.map((tensor) => tf.tensor1d(tensor))).dataSync()[0])
          expect(judge()).toBe(1)
          const tensor = tensors[position % (tensors.length || 1)]
          if (!tensor) return
          tensor[position % tensor.length] = bad
          expect(judge()).toBe(0)
        },
      ),
    ))

  test('clipByGlobalNorm: the norm is at most the limit, and nothing changes below it', () =>
    expectNoLeak(async () => {
      const none = null as unknown as tf.Tensor
      const gradients = { a: tf.tensor1d([3, 0]), b: tf.scalar(4), c: none }
      const [same, clipped] = [clipByGlobalNorm(5)(gradients), clipByGlobalNorm(1)(gradients)]
      expect(await bitsOf([same.a!, same.b!])).toEqual(await bitsOf([gradients.a, gradients.b]))
      expect(await values(clipped.a!)).toEqual([3, 0].map((x) => Math.fround(x * Math.fround(0.2))))
      expect(clipped.c).toBeNull()
      expect(clipByGlobalNorm(1)({ c: none })).toEqual({ c: none })
      expect(() => clipByGlobalNorm(0)).toThrow(/maxNorm: got 0/)
      tf.dispose([gradients.a, gradients.b, same.a!, same.b!, clipped.a!, clipped.b!])
    }))
})

test('the configuration comes back whole', () => {
  const nested = new DistributedOptimizer(new RMSPropCentered({ learningRate: 0.5 }))
  for (const wrapped of [nested, tf.train.adam(0.5)]) {
    const optimizer = new LossScaleOptimizer(wrapped, dynamicLossScale.tensorflowContrib({ growthInterval: 7 }))
    const config = JSON.parse(JSON.stringify(optimizer.getConfig()))
    const again = LossScaleOptimizer.fromConfig<LossScaleOptimizer>(LossScaleOptimizer, config)
    expect(again.getConfig()).toEqual(optimizer.getConfig())
    expect(again.optimizer.getClassName()).toBe(wrapped.getClassName())
    again.dispose()
    optimizer.dispose()
  }
  const unknown = { optimizer: { className: 'Lion', config: {} }, lossScale: {} }
  expect(() => LossScaleOptimizer.fromConfig(LossScaleOptimizer, unknown)).toThrow(/got optimizer Lion/)
})

test.each([
  [{ initialScale: 0 }, /initialScale: got 0, expected a number above 0/],
  [{ initialScale: 2 ** 128 }, /initialScale/],
  [{ growthInterval: 0.5 }, /growthInterval: got 0.5/],
  [{ growthFactor: 0.9 }, /growthFactor: got 0.9/],
  [{ backoffFactor: 2 }, /backoffFactor: got 2, expected a number in \(0, 1\]/],
  [{ badSteps: 0 }, /badSteps: got 0/],
  [{ floor: -1 }, /floor: got -1/],
])('a dynamic scale with %j is refused', (options, message) => {
  expect(() => dynamicLossScale.keras(options)).toThrow(message)
})
