import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectNoLeak, expectNoReadBack, golden } from '@unet-internal/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { exponentialDecay, keras, pytorch, RMSPropCentered, tensorflow1 } from '../src'

const schedule = exponentialDecay({ initialLearningRate: 0.01, decaySteps: 3, decayRate: 0.5, staircase: true })
const recipe = { learningRate: schedule, decay: 0.9, momentum: 0.8, epsilon: 1e-10 }

/** Two variables whose gradients change from step to step. */
function problem() {
  const [kernel, bias] = tf.tidy(() => [
    tf.variable(
      tf.tensor([
        [1, -2],
        [3, 0.5],
      ]),
    ),
    tf.variable(tf.tensor([0.1, -0.2])),
  ]) as [tf.Variable, tf.Variable]
  const loss = (step: number) => () => {
    const output = tf.add(tf.matMul(tf.tensor2d([[Math.sin(step), 1]]), kernel), bias)
    return tf.mean(tf.square(tf.sub(output, [[0.3, -0.7]]))) as tf.Scalar
  }
  return { variables: [kernel, bias], loss, dispose: () => tf.dispose([kernel, bias]) }
}

/** Everything that a step may change, as bits. */
async function bits(optimizer: tf.Optimizer, variables: tf.Variable[]) {
  const weights = (await optimizer.getWeights()).map(({ tensor }) => tensor)
  const values = await Promise.all([...variables, ...weights].map((tensor) => tensor.data()))
  return values.map((value) => [...new Uint32Array(value.slice().buffer)])
}

describeOnBackends('RMSPropCentered', () => {
  test('minimize: gives the loss, lowers it, counts steps', () =>
    expectNoLeak(async () => {
      const { variables, loss, dispose } = problem()
      const optimizer = new RMSPropCentered({ learningRate: 0.01 })
      const costs = Array.from({ length: 20 }, () => optimizer.minimize(loss(1), true, variables)!)
      const [first, last] = [(await costs[0]!.data())[0]!, (await costs.at(-1)!.data())[0]!]
      expect(last).toBeLessThan(first / 2)
      expect([...(await optimizer.step.data())]).toEqual([20])
      expect(optimizer.step.dtype).toBe('int32')
      expect(optimizer.minimize(loss(1))).toBeNull()
      tf.dispose(costs)
      optimizer.dispose()
      dispose()
    }))

  test('a step reads nothing back, conditional or not, with a schedule', () =>
    expectNoLeak(() => {
      const { variables, loss, dispose } = problem()
      const optimizer = new RMSPropCentered(recipe)
      expectNoReadBack(() => {
        for (let step = 0; step < 4; step++) optimizer.minimize(loss(step), false, variables)
        tf.tidy(() => {
          const { grads } = optimizer.computeGradients(loss(4), variables)
          optimizer.applyGradientsIf(tf.less(optimizer.step, 3), grads)
        })
      })
      optimizer.dispose()
      dispose()
    }))

  test.each([
    ['tensorflow1, centered', () => new RMSPropCentered(recipe)],
    ['tensorflow1', () => tensorflow1(recipe)],
    ['keras', () => keras({ momentum: 0.5 })],
    ['pytorch', () => pytorch({ momentum: 0.5, centered: true })],
  ])('%s: a false condition changes no bit, a true one is no condition', (_, make) =>
    expectNoLeak(async () => {
      const [one, two] = [problem(), problem()]
      const [conditional, plain] = [make(), make()]
      const bad = () =>
        Object.fromEntries(one.variables.map((variable) => [variable.name, tf.fill(variable.shape, Number.NaN)]))
      const skip = () => tf.tidy(() => conditional.applyGradientsIf(tf.scalar(false, 'bool'), bad()))

      skip() // the first step of all: slots begin at their initial values
      const slots = (await conditional.getWeights()).map(({ name, tensor }) => [
        name.split('/')[1] ?? name,
        [...tensor.dataSync()],
      ])
      const { initialMeanSquare } = conditional.getConfig()
      for (const [slot, values] of slots)
        for (const value of values!) expect(value, `${slot}`).toBe(slot === 'rms' ? initialMeanSquare : 0)

      for (let step = 0; step < 7; step++) {
        const before = await bits(conditional, one.variables)
        skip()
        expect(await bits(conditional, one.variables)).toEqual(before)
        tf.tidy(() => {
          const { grads } = conditional.computeGradients(one.loss(step), one.variables)
          conditional.applyGradientsIf(tf.scalar(true, 'bool'), grads)
          plain.minimize(two.loss(step), false, two.variables)
        })
        expect(await bits(conditional, one.variables)).toEqual(await bits(plain, two.variables))
      }
      for (const owner of [conditional, plain, one, two]) owner.dispose()
    }),
  )

  test('a state taken over continues to the same bits', () =>
    expectNoLeak(async () => {
      const [one, two] = [problem(), problem()]
      const [first, straight] = [new RMSPropCentered(recipe), new RMSPropCentered(recipe)]
      for (let step = 0; step < 4; step++) {
        first.minimize(one.loss(step), false, one.variables)
        straight.minimize(two.loss(step), false, two.variables)
      }
      // Saved under the first model's names, restored into a new optimizer in another order.
      const saved = (await first.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))
      expect(saved.map(({ name }) => name)).toEqual([
        'step',
        ...one.variables.flatMap(({ name }) => ['rms', 'mg', 'momentum'].map((slot) => `${name}/${slot}`)),
      ])
      first.dispose()
      const resumed = RMSPropCentered.fromConfig<RMSPropCentered>(RMSPropCentered, first.getConfig())
      tf.tidy(() => resumed.applyGradients({ [one.variables[0]!.name]: tf.zeros([2, 2]) })) // a state to be replaced
      await resumed.setWeights(saved.sort((a, b) => (a.name.at(-1)! < b.name.at(-1)! ? -1 : 1)))
      tf.dispose(saved.map(({ tensor }) => tensor))
      for (let step = 4; step < 9; step++) {
        resumed.minimize(one.loss(step), false, one.variables)
        straight.minimize(two.loss(step), false, two.variables)
      }
      expect(await bits(resumed, one.variables)).toEqual(await bits(straight, two.variables))
      for (const owner of [resumed, straight, one, two]) owner.dispose()
    }))

  test('setWeights refuses what is not a state, and then changes nothing', () =>
    expectNoLeak(async () => {
      const { variables, loss, dispose } = problem()
      const optimizer = new RMSPropCentered(recipe)
      optimizer.minimize(loss(0), false, variables)
      const before = await bits(optimizer, variables)
      const weights = await optimizer.getWeights()
      const name = variables[0]!.name
      const wrong = { name: `${name}/mg`, tensor: tf.zeros([3]) }
      for (const [given, message] of [
        [weights.slice(1), /got no weight step/],
        [weights.filter((weight) => weight.name !== `${name}/mg`), `got no weight ${name}/mg`],
        [[...weights, weights[0]!], /each name once/],
        [[...weights, { name: 'other', tensor: wrong.tensor }], /got weight other/],
        [weights.map((weight) => (weight.name === wrong.name ? wrong : weight)), /got shape \[3\], expected \[2,2\]/],
      ] as const)
        await expect(optimizer.setWeights([...given])).rejects.toThrow(message)
      expect(await bits(optimizer, variables)).toEqual(before)
      tf.dispose(wrong.tensor)
      optimizer.dispose()
      dispose()
    }))

  test('a gradient that is null or missing leaves its variable and slots alone', () =>
    expectNoLeak(async () => {
      const { variables, dispose } = problem()
      const [kernel, bias] = variables as [tf.Variable, tf.Variable]
      const optimizer = new RMSPropCentered(recipe)
      const none = null as unknown as tf.Tensor
      const before = [...(await bias.data())]
      tf.tidy(() => {
        optimizer.applyGradients([
          { name: bias.name, tensor: none },
          { name: kernel.name, tensor: tf.ones([2, 2]) },
        ])
        optimizer.applyGradients({ [bias.name]: none })
      })
      expect([...(await bias.data())]).toEqual(before)
      const names = (await optimizer.getWeights()).map(({ name }) => name)
      expect(names).toEqual(['step', `${kernel.name}/rms`, `${kernel.name}/mg`, `${kernel.name}/momentum`])
      expect(() => tf.tidy(() => optimizer.applyGradients({ gone: tf.ones([2]) }))).toThrow(/gradient for gone/)
      optimizer.dispose()
      dispose()
    }))

  test('the learning rate can be read and set', () =>
    expectNoLeak(async () => {
      const variable = tf.tidy(() => tf.variable(tf.zeros([1])))
      const optimizer = new RMSPropCentered({ learningRate: 0.5, decay: 0, epsilon: 1, centered: false })
      const move = async () => {
        const [before] = await variable.data()
        tf.tidy(() => optimizer.applyGradients({ [variable.name]: tf.ones([1]) }))
        return before! - (await variable.data())[0]!
      }
      expect(optimizer.learningRate).toBe(0.5)
      expect(await move()).toBeCloseTo(0.5 / Math.SQRT2)
      optimizer.learningRate = 0.25
      expect(await move()).toBeCloseTo(0.25 / Math.SQRT2)
      optimizer.learningRate = schedule
      expect(await move()).toBeCloseTo(schedule.at(2) / Math.SQRT2)
      expect(await move()).toBeCloseTo(schedule.at(3) / Math.SQRT2) // the next stair
      expect(optimizer.learningRate).toBe(schedule)
      expect(() => {
        optimizer.learningRate = Number.NaN
      }).toThrow(/learningRate: got NaN/)
      optimizer.dispose()
      variable.dispose()
    }))

  test('weighted means turn NaN where differences do not', () =>
    expectNoLeak(async () => {
      const { config, gradient, finite_at } = golden<{
        long_constant: {
          config: { momentum: number; decay: number }
          gradient: { values: number[] }
          finite_at: number
        }
      }>('rmsprop').long_constant
      const options = { learningRate: 1e-4, momentum: config.momentum, decay: config.decay }
      const staysFinite = async (form: 'weighted' | 'difference') => {
        const variable = tf.tidy(() => tf.variable(tf.zeros([gradient.values.length])))
        const optimizer = new RMSPropCentered({ ...options, meanSquareUpdate: form, meanGradientUpdate: form })
        for (let step = 0; step < finite_at; step++)
          tf.tidy(() => optimizer.applyGradients({ [variable.name]: tf.tensor1d(gradient.values) }))
        const values = [...(await variable.data())]
        tf.dispose(variable)
        optimizer.dispose()
        return values.every(Number.isFinite)
      }
      expect(await staysFinite('difference')).toBe(true)
      expect(await staysFinite('weighted')).toBe(false)
    }))

  test('the schedule in the graph is the schedule in JavaScript', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        fc.boolean(),
        (step, decaySteps, decayRate, staircase) => {
          const decay = exponentialDecay({ initialLearningRate: 1e-3, decaySteps, decayRate, staircase })
          const [rate] = tf.tidy(() => decay.apply(tf.scalar(step, 'int32')).dataSync())
          const at = decay.at(step)
          expect(Math.abs(rate! - at)).toBeLessThanOrEqual(1e-5 * at + 1e-37)
          if (staircase) expect(decay.at(step)).toBe(decay.at(step - (step % decaySteps)))
        },
      ),
    ))
})

test('the configuration comes back whole, the schedule too', () => {
  for (const optimizer of [
    new RMSPropCentered(recipe),
    tensorflow1({ learningRate: 0.5 }),
    keras(),
    pytorch({ momentum: 0.9 }),
  ]) {
    const config = JSON.parse(JSON.stringify(optimizer.getConfig()))
    const [cls, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap.RMSPropCentered!
    const again = fromConfig(cls, config) as RMSPropCentered
    expect(again.getConfig()).toEqual(optimizer.getConfig())
    expect(again).toBeInstanceOf(RMSPropCentered)
    again.dispose()
    optimizer.dispose()
  }
  const config = { learningRate: { className: 'Cosine', config: {} } }
  expect(() => RMSPropCentered.fromConfig(RMSPropCentered, config)).toThrow(/class Cosine, expected a registered one/)
})

test.each([
  [{ learningRate: -1 }, /learningRate: got -1/],
  [{ decay: 1 }, /decay: got 1, expected a number in \[0, 1\)/],
  [{ momentum: -0.1 }, /momentum: got -0.1/],
  [{ epsilon: Number.NaN }, /epsilon: got NaN/],
  [{ initialMeanSquare: -1 }, /initialMeanSquare: got -1/],
  [{ meanSquareUpdate: 'mean' as 'weighted' }, /meanSquareUpdate: got mean/],
  [{ rho: 0.9 }, /got option rho, expected one of learningRate, decay/],
])('options %j are refused', (options, message) => {
  expect(() => new RMSPropCentered({ learningRate: 0.1, ...options })).toThrow(message)
})

test.each([
  [{ decaySteps: 0 }, /decaySteps: got 0/],
  [{ decayRate: -1 }, /decayRate: got -1/],
  [{ initialLearningRate: Number.NaN }, /initialLearningRate: got NaN/],
])('schedule %j is refused', (options, message) => {
  expect(() => exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 0.5, ...options })).toThrow(message)
})
