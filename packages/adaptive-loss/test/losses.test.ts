import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectClose, expectNoLeak, useBackend } from '@unet-internal/testing'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type AdaptiveLossOptions,
  adaptiveLoss,
  diceCoefficient,
  diceLoss,
  type LossFunction,
  lossByName,
  lossNames,
  sigmoidCrossEntropy,
  weightDecay,
} from '../src'
import {
  adaptiveLossReference,
  diceLossReference,
  sigmoidCrossEntropyReference,
  weightDecayReference,
} from '../src/losses/reference'

/** Two orders of summation of a few dozen float32: some units in the last place of the largest term. */
const rounding = { relative: 5e-6, absolute: 1e-6 }

const shape: [number, number, number, number] = [2, 3, 4, 1]
const size = tf.util.sizeFromShape(shape)
const values = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: size, maxLength: size })
const probability = fc.float({ min: 0, max: 1, noNaN: true })
const hardLabels = values(fc.constantFrom(0, 1))
const labels = fc.oneof(hardLabels, values(probability))
const logits = values(fc.float({ min: -12, max: 12, noNaN: true }))
const extremeLogits = values(fc.constantFrom(0, 40, -40, 1e4, -1e4, 3.4e38, -3.4e38, Infinity, -Infinity))

/** Value and gradient with respect to the logits. */
const evaluate = (loss: LossFunction, label: number[], x: number[]) =>
  tf.tidy(() => {
    const y = tf.tensor4d(label, shape)
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor4D) => loss(y, x))(tf.tensor4d(x, shape))
    return { value: value.dataSync()[0]!, gradient: [...grad.dataSync()] }
  })

const adaptive = (options: Required<AdaptiveLossOptions>): [LossFunction, LossFunction] => [
  adaptiveLoss(options),
  (label, x) => adaptiveLossReference(label, x, options),
]

const jaccard = { form: 'jaccard', smooth: 0.5 } as const
const pairs: Record<string, [LossFunction, LossFunction]> = {
  'dice loss': [diceLoss, diceLossReference],
  'dice loss, jaccard': [(y, x) => diceLoss(y, x, jaccard), (y, x) => diceLossReference(y, x, jaccard)],
  'cross-entropy': [sigmoidCrossEntropy, sigmoidCrossEntropyReference],
  'adaptive, code': adaptive({ threshold: 0.5, below: 'dice', above: 'bce' }),
  'adaptive, card': adaptive({ threshold: 0.5, below: 'bce', above: 'dice' }),
}

describeOnBackends('losses', () => {
  test.each(Object.entries(pairs))('%s equals its reference, value and gradient', (_, [loss, reference]) => {
    fc.assert(
      fc.property(labels, logits, (label, x) => {
        const [got, want] = [evaluate(loss, label, x), evaluate(reference, label, x)]
        expectClose(got.value, want.value, rounding)
        expectClose(got.gradient, want.gradient, rounding, 'gradient')
      }),
    )
  })

  test('the adaptive loss has the value and the gradient of its branch, whatever the logits', () => {
    fc.assert(
      fc.property(hardLabels, extremeLogits, fc.constantFrom('dice', 'bce'), (label, x, below) => {
        const above = below === 'dice' ? 'bce' : 'dice'
        const isBelow = evaluate(diceLoss, label, x).value < Math.fround(0.5)
        const branch = { dice: diceLoss, bce: sigmoidCrossEntropy }[isBelow ? below : above]
        const got = evaluate(adaptiveLoss({ threshold: 0.5, below, above }), label, x)
        const want = evaluate(branch, label, x)
        expect(got.value).toBe(want.value)
        expectClose(got.gradient, want.gradient, { relative: 0 }, 'gradient')
        expect(got.gradient).not.toContain(Number.NaN)
      }),
    )
  })

  test('the gradient of the cross-entropy is (p − y) / n, at infinity too', () => {
    fc.assert(
      fc.property(hardLabels, extremeLogits, (label, x) => {
        const want = x.map((x, i) => Math.fround(Math.fround(1 / (1 + Math.exp(-x))) - label[i]!) / size)
        expectClose(evaluate(sigmoidCrossEntropy, label, x).gradient, want, { relative: 1e-6, absolute: 1e-9 })
      }),
    )
  })

  test('the cross-entropy of certain and right logits is 0, of certain and wrong ones their size', () => {
    const label = Array.from({ length: size }, (_, i) => i % 2)
    for (const reach of [1e4, 3e38, Infinity]) {
      const right = label.map((y) => (y ? reach : -reach))
      expect(evaluate(sigmoidCrossEntropy, label, right).value).toBe(0)
    }
    expect(
      evaluate(
        sigmoidCrossEntropy,
        label,
        label.map((y) => (y ? -1e4 : 1e4)),
      ).value,
    ).toBe(1e4)
  })

  test('a logit that is NaN makes every loss NaN', () => {
    const x = Array.from({ length: size }, (_, i) => (i === 5 ? Number.NaN : 1))
    for (const [loss] of Object.values(pairs))
      expect(
        evaluate(
          loss,
          x.map(() => 1),
          x,
        ).value,
      ).toBeNaN()
  })

  test('details are the parts of the loss, from one forward pass, and can be differentiated', async () => {
    const loss = adaptiveLoss()
    const [y, x] = [tf.tensor4d(Array(size).fill(1), shape), tf.tensor4d(Array(size).fill(-1), shape)]
    await expectNoLeak(() => {
      const { loss: chosen, diceLoss: dice, bce, useDice } = loss.details(y, x)
      expect(chosen.dataSync()).toEqual(bce.dataSync())
      expect(useDice.dtype).toBe('bool')
      expect(useDice.dataSync()[0]).toBe(0)
      expect(dice.dataSync()[0]).toBe(evaluate(diceLoss, [...y.dataSync()], [...x.dataSync()]).value)
      tf.dispose([chosen, dice, bce, useDice])
      const both: LossFunction = (y, x) => tf.add(loss.details(y, x).diceLoss, loss.details(y, x).bce)
      const [d, b] = [diceLoss, sigmoidCrossEntropy].map((part) => evaluate(part, [...y.dataSync()], [...x.dataSync()]))
      expectClose(
        evaluate(both, [...y.dataSync()], [...x.dataSync()]).gradient,
        d!.gradient.map((g, i) => g + b!.gradient[i]!),
        rounding,
      )
    })
    tf.dispose([y, x])
  })

  test('nothing leaks, with or without a gradient', async () => {
    const [y, x] = [tf.ones(shape) as tf.Tensor4D, tf.zeros(shape) as tf.Tensor4D]
    for (const name of lossNames) {
      await expectNoLeak(() => lossByName(name)(y, x).dispose())
      await expectNoLeak(() => evaluate(lossByName(name), Array(size).fill(0.5), Array(size).fill(2)))
    }
    await expectNoLeak(() => diceCoefficient(y, x).dispose())
    await expectNoLeak(() => weightDecay([y, x]).dispose())
    tf.dispose([y, x])
  })

  test('details can be kept from a training step for the log', async () => {
    const [y, bias] = [tf.ones(shape) as tf.Tensor4D, tf.variable(tf.zeros(shape) as tf.Tensor4D)]
    const optimizer = tf.train.sgd(1)
    await expectNoLeak(() => {
      const logged: tf.Scalar[] = []
      optimizer.minimize(() => {
        const { loss, diceLoss } = adaptiveLoss().details(y, bias)
        logged.push(tf.keep(diceLoss))
        return loss
      })
      expectClose(logged[0]!.dataSync(), [1 - (size + 1) / (1.5 * size + 1)], rounding)
      tf.dispose(logged)
    })
    tf.dispose([y, bias])
    optimizer.dispose()
  })

  test('weight decay equals its reference over variables, which change between forward and use', () => {
    tf.tidy(() => {
      const variables = [[0.5, -2, 3], [1]].map((values) => tf.variable(tf.tensor1d(values)))
      const got = tf.variableGrads(() => weightDecay(variables, 0.1))
      const want = tf.variableGrads(() => weightDecayReference(variables, 0.1))
      expectClose(got.value.dataSync(), want.value.dataSync(), rounding)
      for (const { name } of variables) expectClose(got.grads[name]!.dataSync(), want.grads[name]!.dataSync(), rounding)
      expect(weightDecay([]).dataSync()[0]).toBe(0)
      tf.dispose(variables)
    })
  })

  test('a label may be bool or int32', () => {
    tf.tidy(() => {
      const x = tf.zeros(shape) as tf.Tensor4D
      const mask = Array.from({ length: size }, (_, i) => i % 2)
      for (const name of lossNames) {
        const [asFloat, asBool, asInt] = (['float32', 'bool', 'int32'] as const).map(
          (dtype) => lossByName(name)(tf.tensor4d(mask, shape, dtype), x).dataSync()[0],
        )
        expect([asBool, asInt]).toEqual([asFloat, asFloat])
      }
    })
  })
})

describeOnBackends('the dice coefficient', () => {
  const dice = (label: number[], prediction: number[], options = {}) =>
    tf.tidy(() => diceCoefficient(tf.tensor1d(label), tf.tensor1d(prediction), options).dataSync()[0]!)

  test.each(['sorensen', 'jaccard'])('of a mask with itself is 1, is symmetric and lies in [0, 1] (%s)', (form) => {
    fc.assert(
      fc.property(hardLabels, values(probability), (label, prediction) => {
        expect(dice(label, label, { form })).toBe(1)
        const between = dice(label, prediction, { form })
        expectClose(dice(prediction, label, { form }), between, rounding)
        expect(between).toBeGreaterThanOrEqual(0)
        expect(between).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('takes the batch as a whole', () => {
    expect(dice([1, 1, 0, 0], [1, 0, 0, 0])).toBe(Math.fround(3 / 4))
    expect(dice([1, 1, 0, 0], [1, 0, 0, 0], { smooth: 0 })).toBe(Math.fround(2 / 3))
  })
})

describe('passes over the pictures, forward and backward', () => {
  // No data is touched by these; the scope of a custom gradient lists its kernels one by one besides.
  const free = ['Cast', 'Identity', 'Reshape', 'unnamed scope']

  async function passes(loss: LossFunction) {
    await useBackend('cpu')
    const [y, x] = [tf.ones(shape) as tf.Tensor4D, tf.zeros(shape) as tf.Tensor4D]
    const profile = await tf.profile(() => tf.dispose(tf.valueAndGrad((x: tf.Tensor4D) => loss(y, x))(x)))
    tf.dispose([y, x])
    const full = ({ inputShapes, outputShapes }: (typeof profile.kernels)[number]) =>
      [...inputShapes, ...outputShapes].some((dims) => dims && tf.util.sizeFromShape(dims) === size)
    return profile.kernels.filter((kernel) => !free.includes(kernel.name) && full(kernel)).length
  }

  test.each([
    ['dice loss', diceLoss, 10],
    ['cross-entropy', sigmoidCrossEntropy, 13],
    ['dice loss in plain ops', diceLossReference, 12],
    ['cross-entropy in plain ops', sigmoidCrossEntropyReference, 23],
    ['adaptive loss: both, but one sigmoid, and their sum', adaptiveLoss(), 10 + 13 - 1 + 1],
  ] as const)('%s', async (_, loss, want) => expect(await passes(loss)).toBe(want))
})

describe('errors say what to do', () => {
  const [y, x] = [() => tf.zeros<tf.Rank.R4>([2, 4, 4, 1]), () => tf.zeros<tf.Rank.R4>([2, 4, 5, 1])]
  beforeAll(() => useBackend('cpu'))
  afterEach(() => {
    tf.env().set('DEBUG', false)
    vi.restoreAllMocks()
  })

  test.each(lossNames)('%s: shapes that differ', (name) => {
    tf.tidy(() => {
      expect(() => lossByName(name)(y(), x())).toThrow('label has shape [2,4,4,1], logits [2,4,5,1]')
    })
  })

  test('dice coefficient: shapes that differ', () => {
    tf.tidy(() => {
      expect(() => diceCoefficient(y(), x())).toThrow('label has shape [2,4,4,1], prediction [2,4,5,1]')
    })
  })

  test('labels of 0..255, in debug mode', () => {
    tf.tidy(() => {
      const label = tf.fill<tf.Rank.R4>([1, 2, 2, 1], 255)
      expect(() => diceLoss(label, label)).not.toThrow()
      for (const method of ['log', 'warn'] as const) vi.spyOn(console, method).mockImplementation(() => {})
      tf.env().set('DEBUG', true)
      expect(() => diceLoss(label, label)).toThrow('label has the value 255, expected values in [0, 1]')
      expect(() => diceLoss(tf.div(label, 255), label)).not.toThrow()
    })
  })

  test('options', () => {
    expect(() => adaptiveLoss({ threshold: 1.5 })).toThrow('threshold is 1.5')
    expect(() => adaptiveLoss({ below: 'bce' })).toThrow("below is 'bce' and above 'bce'")
    tf.tidy(() => {
      expect(() => diceLoss(y(), y(), { smooth: -1 })).toThrow('smooth is -1')
      expect(() => diceLoss(y(), y(), { form: 'tversky' as 'jaccard' })).toThrow("dice form 'tversky' is unknown")
    })
  })

  test('a name that is unknown', () => {
    expect(() => lossByName('focal' as 'l2_loss')).toThrow(
      "loss 'focal' is unknown; expected one of adaptive_loss, x-entropy, l2_loss, dice_sorensen, dice_jaccard",
    )
    expect(() => lossByName('toString' as 'l2_loss')).toThrow("loss 'toString' is unknown")
  })
})
