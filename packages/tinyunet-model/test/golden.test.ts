import * as tf from '@tensorflow/tfjs-core'
import { tinyUNet } from '@unet-industrial/tinyunet-model'
import {
  describeOnBackends,
  expectClose,
  expectNoLeak,
  golden,
  type Picture,
  picture,
  stream,
  type Tolerance,
  uniforms,
} from '@unet-internal/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

type Losses = Record<'bce' | 'dice_loss', number>
type RelativeTo = Record<'norm' | 'entries' | 'sum', Tolerance>
interface Gradient {
  norm: number
  sum: number
  first: number[]
  abs_sum: number
}
interface Golden {
  parameters: number
  variables: { name: string; shape: number[]; stream: string; low: number; high: number }[]
  tolerance: { logits: Tolerance; logits_sum: Tolerance; losses: Record<string, Tolerance>; gradients: RelativeTo }
  inputs: Record<
    string,
    {
      input: Picture & {
        shape: [number, number, number, number]
        replaced_biases: Record<string, Record<string, number>>
      }
      logits: { values?: number[]; sum: number; abs_sum: number; stride: number; sample: number[] }
      losses: Losses
      gradients: Record<keyof Losses, Record<string, Gradient>>
    }
  >
  original: { parameters: number; variables: Record<string, number[]> }
}

const file = golden<Golden>('tinyunet')
const sizeOf = (shape: number[]) => shape.reduce((a, b) => a * b)
/** Sums in double precision, as the goldens' generator. */
const sum = (values: ArrayLike<number>, of = (value: number) => value) =>
  Array.from(values).reduce((total, value) => total + of(value), 0)

/** The golden's losses, written out in tfjs operations. */
const losses: Record<keyof Losses, (label: tf.Tensor, logits: tf.Tensor) => tf.Scalar> = {
  bce: (label, logits) =>
    tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, label)), tf.softplus(tf.neg(tf.abs(logits))))),
  dice_loss(label, logits) {
    const p = tf.sigmoid(logits)
    const overlap = tf.add(tf.mul(2, tf.sum(tf.mul(p, label))), 1)
    return tf.sub(1, tf.div(overlap, tf.add(tf.add(tf.sum(p), tf.sum(label)), 1)))
  },
}

/** The golden's weights: its streams, with the biases that it replaced. */
function weights(replaced: Record<string, Record<string, number>>): tf.NamedTensorMap {
  return Object.fromEntries(
    file.variables.map(({ name, shape, stream: from, low, high }) => {
      const values = uniforms(stream(file.seed, from), sizeOf(shape), low, high)
      for (const [channel, bias] of Object.entries(replaced[name] ?? {})) values[Number(channel)] = bias
      return [name, tf.tensor(values, shape)]
    }),
  )
}

test('names and shapes are those of the golden, in its order, for both variants', () => {
  const tiny = tinyUNet()
  expect(tiny.names).toEqual(file.variables.map(({ name }) => name))
  expect(tiny.variables.map(({ shape }) => shape)).toEqual(file.variables.map(({ shape }) => shape))
  expect(tiny.summary().parameters).toBe(file.parameters)
  tiny.dispose()

  const original = tinyUNet({ variant: 'original' })
  expect(original.names).toEqual(Object.keys(file.original.variables))
  expect(original.variables.map(({ shape }) => shape)).toEqual(Object.values(file.original.variables))
  expect(original.summary().parameters).toBe(file.original.parameters)
  original.dispose()
})

describeOnBackends("TensorFlow's TinyUNet", () => {
  describe.each(Object.entries(file.inputs))('%s', (_, { input, logits, losses: values, gradients }) => {
    const [, height, width] = input.shape
    const model = tinyUNet()
    let image: tf.Tensor4D
    let mask: tf.Tensor4D
    beforeAll(() => {
      const start = weights(input.replaced_biases)
      model.setWeights(start)
      tf.dispose(start)
      const made = picture(file.seed, input, height, width)
      image = tf.tensor(made.image, input.shape)
      mask = tf.tensor(made.mask, input.shape)
    })
    afterAll(() => {
      tf.dispose([image, mask])
      model.dispose()
    })

    test('logits', async () => {
      const got = await expectNoLeak(async () => {
        const tensor = model.apply(image)
        const data = await tensor.data()
        tensor.dispose()
        return data
      })
      if (logits.values) expectClose(got, logits.values, file.tolerance.logits, 'logit')
      else {
        const sample = got.filter((_, i) => i % logits.stride === 0)
        expectClose(sample, logits.sample, file.tolerance.logits, 'logit')
        const limit = { ...file.tolerance.logits_sum, relative_to: logits.abs_sum }
        expectClose(sum(got), logits.sum, limit, 'sum of the logits')
        expectClose(sum(got, Math.abs), logits.abs_sum, limit, 'absolute sum of the logits')
      }
    })

    test.each(Object.keys(losses) as (keyof Losses)[])('%s and its gradients', async (name) => {
      await expectNoLeak(async () => {
        const { value, grads } = tf.valueAndGrads((x) => losses[name](mask, model.apply(x as tf.Tensor4D)))([
          image,
          ...model.variables,
        ])
        expectClose(await value.data(), [values[name]], file.tolerance.losses[name]!, name)
        for (const [i, variable] of ['input', ...model.names].entries()) {
          const want = gradients[name][variable]!
          const got = await grads[i]!.data()
          const limit = file.tolerance.gradients
          const of = `gradient of ${variable}`
          expectClose(
            Math.sqrt(sum(got, (g) => g * g)),
            want.norm,
            { ...limit.norm, relative_to: want.norm },
            `norm, ${of}`,
          )
          expectClose(
            got.slice(0, want.first.length),
            want.first,
            { ...limit.entries, relative_to: want.norm },
            `first, ${of}`,
          )
          expectClose(sum(got), want.sum, { ...limit.sum, relative_to: want.abs_sum }, `sum, ${of}`)
        }
        tf.dispose([value, ...grads])
      })
    })
  })
})
