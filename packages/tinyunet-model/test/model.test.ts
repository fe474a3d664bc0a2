import * as tf from '@tensorflow/tfjs-core'
import { type TinyUNet, type TinyUNetOptions, tinyUNet } from '@unet-industrial/tinyunet-model'
import { expectNoLeak, useBackend } from '@unet-internal/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

beforeAll(() => useBackend('cpu'))

/** All values as one buffer of bytes, which compares fast. */
const bits = (tensors: tf.Tensor[]) =>
  Buffer.concat(tensors.map((tensor) => new Uint8Array(tensor.dataSync<'float32'>().slice().buffer)))
const equalBits = (a: Buffer, b: Buffer) => expect(a.equals(b)).toBe(true)
const random = (shape: [number, number, number, number]) => tf.randomUniform<tf.Rank.R4>(shape, -1, 1, 'float32', 1)

test('apply keeps every size divisible by 16, and leaks nothing', async () => {
  const model = tinyUNet()
  const sides = fc.integer({ min: 1, max: 2 }).map((units) => 16 * units)
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 }), sides, sides, async (n, height, width) =>
      expectNoLeak(() => {
        const image = random([n, height, width, 1])
        const logits = model.apply(image)
        expect(logits.shape).toEqual([n, height, width, 1])
        tf.dispose([image, logits])
      }),
    ),
    { numRuns: 5 },
  )
  model.dispose()
})

test('predict is the sigmoid of apply', async () => {
  const model = tinyUNet()
  await expectNoLeak(() => {
    const image = random([1, 16, 16, 1])
    const [logits, probability] = [model.apply(image), model.predict(image)]
    const sigmoid = tf.sigmoid(logits)
    expect(probability.dataSync()).toEqual(sigmoid.dataSync())
    tf.dispose([image, logits, probability, sigmoid])
  })
  model.dispose()
})

test('the images of a batch do not see each other', () => {
  const model = tinyUNet()
  const batch = random([2, 16, 16, 1])
  const [together, ...alone] = [batch, ...tf.split(batch, 2)].map((x) => model.apply(x as tf.Tensor4D))
  expect(together!.dataSync()).toEqual(tf.concat(alone).dataSync())
  model.dispose()
})

describe('seeds', () => {
  test('the same seed gives the same bits, another seed others, and biases are zero', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (seed) => {
        const [a, b, c] = [seed, seed, seed === 0 ? 1 : seed - 1].map((each) => tinyUNet({ seed: each }))
        equalBits(bits(a!.variables), bits(b!.variables))
        expect(a!.variables[0]!.dataSync()).not.toEqual(c!.variables[0]!.dataSync())
        a!.names.forEach((name, i) => {
          if (name.endsWith('/bias')) expect(a!.variables[i]!.dataSync().every((value) => value === 0)).toBe(true)
        })
        for (const model of [a, b, c]) model!.dispose()
      }),
      { numRuns: 3 },
    )
  })
})

test('two models live in one process, each with its own weights, under the same plain names', () => {
  const [first, second] = [tinyUNet({ seed: 1 }), tinyUNet({ seed: 2 })]
  expect(first.names).toEqual(second.names)
  const names = [...first.variables, ...second.variables].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(second.variables[0]!.name).toBe('input_block/conv_1/kernel_1')
  const before = second.variables[0]!.dataSync().slice()
  first.variables[0]!.assign(tf.zerosLike(first.variables[0]!))
  expect(second.variables[0]!.dataSync()).toEqual(before)
  first.dispose()
  second.dispose()
})

test('dispose returns every tensor and every name', async () => {
  await expectNoLeak(() => tinyUNet().dispose())
  const model = tinyUNet()
  expect(model.variables[0]!.name).toBe('input_block/conv_1/kernel')
  model.dispose()
})

test('prelu has one alpha a channel, or one a convolution where it is shared; the head has none', () => {
  const shapes = (activation: TinyUNetOptions['activation']) => {
    const model = tinyUNet({ activation })
    model.dispose()
    return model.names.flatMap((name, i) => (name.endsWith('/alpha') ? [model.variables[i]!.shape] : []))
  }
  expect(shapes('relu')).toEqual([])
  expect(shapes('prelu')).toHaveLength(22)
  expect(shapes('prelu')[0]).toEqual([32])
  expect(shapes('prelu_shared')).toEqual(Array(22).fill([1]))
})

describe('weights', () => {
  test('getWeights is a snapshot that goes back in by setWeights', async () => {
    const [model, other] = [tinyUNet({ seed: 1 }), tinyUNet({ seed: 2 })]
    await expectNoLeak(() => {
      const weights = model.getWeights()
      expect(Object.keys(weights)).toEqual(model.names)
      const before = bits(model.variables)
      other.setWeights(weights)
      equalBits(bits(other.variables), before)
      tf.tidy(() => model.variables[0]!.assign(tf.zerosLike(model.variables[0]!)))
      equalBits(bits(Object.values(weights)), before)
      tf.dispose(weights)
    })
    model.dispose()
    other.dispose()
  })

  test('a missing, unknown, misshapen or mistyped variable is named, and nothing changes', () => {
    const model = tinyUNet()
    const before = bits(model.variables)
    const { 'input_block/conv_2/bias': bias, ...rest } = model.getWeights()
    const last = { 'output_block/conv_3/bias': tf.ones([1]) }
    const set = (weights: tf.NamedTensorMap) => () => model.setWeights({ ...rest, ...last, ...weights })
    expect(set({})).toThrow('variable input_block/conv_2/bias of shape [32] is missing')
    expect(set({ 'input_block/conv_2/bias': tf.zeros([31]) })).toThrow(
      'variable input_block/conv_2/bias: got shape [31], expected [32]',
    )
    expect(set({ 'input_block/conv_2/bias': tf.zeros([32], 'int32') })).toThrow('got dtype int32, expected float32')
    expect(set({ 'input_block/conv_2/bias': bias!, extra: tf.zeros([2, 3]) })).toThrow(
      'a variable extra of shape [2,3]',
    )
    equalBits(bits(model.variables), before)
    model.dispose()
  })
})

describe('bad input', () => {
  let model: TinyUNet
  beforeAll(() => {
    model = tinyUNet()
  })
  afterAll(() => model.dispose())

  test.each([
    [[1, 500, 512, 1], 'height 500 is not divisible by 16; pad or resize the image to 512'],
    [[1, 512, 8, 1], 'width 8 is not divisible by 16; pad or resize the image to 16'],
    [[1, 0, 16, 1], 'height 0 is not divisible by 16'],
    [[1, 16, 16, 3], 'image has shape [1,16,16,3], expected [n, height, width, 1]'],
    [[16, 16, 1], 'image has shape [16,16,1], expected [n, height, width, 1]'],
  ])('an image of shape %j', (shape, message) => {
    expect(() => model.apply(tf.zeros(shape as [number, number, number, number]))).toThrow(message)
  })

  test('an image of integers', () => {
    expect(() => model.apply(tf.zeros([1, 16, 16, 1], 'int32'))).toThrow('image has dtype int32, expected float32')
  })

  test.each([
    [{ inputShape: [500, 512, 1] }, 'height 500 is not divisible by 16'],
    [{ inputShape: [512, 512, 3] }, 'inputShape is [512,512,3], expected [height, width, 1]'],
    [{ variant: 'huge' }, 'variant is "huge", expected one of tiny, original'],
    [{ activation: 'gelu' }, 'activation is "gelu", expected one of relu, leaky_relu'],
    [{ kernelInitializer: 'zeros' }, 'kernelInitializer is "zeros", expected one of heUniform'],
    [{ seed: 0.5 }, 'seed is 0.5, expected an integer'],
  ])('options %j', (options, message) => {
    expect(() => tinyUNet(options as TinyUNetOptions)).toThrow(message)
  })
})
