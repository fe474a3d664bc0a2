import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Attributes, checkGraph, dense, GraphBuilder, interpret, sizeOf, type Values } from '../src/index'
import { randomInputs } from './support/random-graph'

// What the expansions of fused operations say, against tfjs's own operations and gradients.

registerGradients()
beforeAll(() => tf.setBackend('cpu'))

type Shapes = readonly (readonly number[] | null)[]

/** One node of inputs of these shapes, and the inputs' values. */
function single(op: string, shapes: Shapes, attributes: Attributes, dtypes: Record<number, 'bool'> = {}, seed = 1) {
  const builder = new GraphBuilder()
  const inputs = shapes.map((shape, i) => shape && builder.input(dense(shape, dtypes[i] ?? 'float32')))
  const graph = builder.build(builder.add(op, inputs, attributes))
  checkGraph(graph)
  return { graph, inputs: randomInputs(graph, seed) }
}

/** The outputs as numbers. */
function run(
  op: string,
  shapes: Shapes,
  attributes: Attributes,
  change: (inputs: Values[]) => void = () => {},
): { inputs: Values[]; outputs: Values[] } {
  const { graph, inputs } = single(op, shapes, attributes)
  change(inputs)
  return { inputs, outputs: interpret(graph, inputs) }
}

const tensor = (values: Values, shape: readonly number[]) =>
  tf.tensor<tf.Rank.R4>(values, [...shape] as [number, number, number, number])

function expectNear(got: Values, expected: tf.Tensor) {
  const want = expected.dataSync()
  expect(got.length).toBe(want.length)
  got.forEach((value, i) => {
    expect(Math.abs(value - want[i]!), `value ${i}: got ${value}, expected ${want[i]}`).toBeLessThan(1e-4)
  })
}

const double = (x: tf.Tensor4D) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]])
const linear = (filter: tf.Tensor4D, bias: tf.Tensor, parts: tf.Tensor4D[], upsampled = false) =>
  tf.add<tf.Tensor4D>(tf.conv2d(upsampled ? double(parts[0]!) : tf.concat(parts, 3), filter, 1, 'same'), bias)

describe('Convolution', () => {
  const attributes = { activation: 'linear', leakyreluAlpha: 0, upsampled: false, pooled: false }

  test.each([
    ['relu', (x: tf.Tensor) => tf.relu(x)],
    ['relu6', (x: tf.Tensor) => tf.relu6(x)],
    ['elu', (x: tf.Tensor) => tf.elu(x)],
    ['leakyrelu', (x: tf.Tensor) => tf.leakyRelu(x, 0.25)],
    ['sigmoid', (x: tf.Tensor) => tf.sigmoid(x)],
    ['linear', (x: tf.Tensor) => x],
  ])('of two parts, %s, pooled', (activation, apply) => {
    const shapes = [[3, 3, 5, 3], [3], [2, 4, 6, 2], [2, 4, 6, 3]]
    const { inputs, outputs } = run('Convolution', shapes, {
      ...attributes,
      activation,
      leakyreluAlpha: 0.25,
      pooled: true,
    })
    const [filter, bias, a, b] = inputs.map((values, i) => tensor(values, shapes[i]!))
    const y = apply(linear(filter!, bias!, [a!, b!])) as tf.Tensor4D
    expectNear(outputs[0]!, y)
    expectNear(outputs[1]!, tf.maxPool(y, 2, 2, 'valid'))
  })

  test('of a doubled part, without bias', () => {
    const shapes = [[2, 2, 3, 2], null, [2, 3, 2, 3]]
    const { inputs, outputs } = run('Convolution', shapes, { ...attributes, upsampled: true })
    const [filter, x] = [tensor(inputs[0]!, [2, 2, 3, 2]), tensor(inputs[1]!, [2, 3, 2, 3])]
    expectNear(outputs[0]!, linear(filter, tf.scalar(0), [x], true))
  })
})

describe.each([
  { upsampled: false, n: 2, side: 3, parts: [2, 3] },
  { upsampled: false, n: 2, side: 1, parts: [4] },
  { upsampled: true, n: 1, side: 2, parts: [3] }, // one image: tfjs's own gradient is wrong for more
])('gradients of a convolution, %o', ({ upsampled, n, side, parts }) => {
  const [h, w, out] = [4, 6, 2]
  const channels = parts.reduce((sum, size) => sum + size, 0)
  const [small, large] = upsampled
    ? [
        [h / 2, w / 2],
        [h, w],
      ]
    : [
        [h, w],
        [h, w],
      ]
  const partShapes = parts.map((size) => [n, ...small, size])
  const [dyShape, filterShape] = [
    [n, ...large, out],
    [side, side, channels, out],
  ]

  test('by the input, masked', () => {
    const shapes = [dyShape, filterShape, ...partShapes]
    const { inputs, outputs } = run('ConvolutionInputGradient', shapes, { channels: parts, upsampled })
    const [dy, filter, ...masks] = inputs.map((values, i) => tensor(values, shapes[i]!))
    const f = (...xs: tf.Tensor[]) => linear(filter!, tf.scalar(0), xs as tf.Tensor4D[], upsampled)
    const gradients = tf.grads(f)(masks, dy)
    outputs.forEach((dx, i) => {
      expectNear(dx, tf.mul(gradients[i]!, tf.step(masks[i]!)))
    })
  })

  test('by filter and bias', () => {
    const shapes = [dyShape, ...partShapes]
    const { inputs, outputs } = run('ConvolutionFilterGradient', shapes, { size: [side, side], upsampled })
    const [dy, ...xs] = inputs.map((values, i) => tensor(values, shapes[i]!))
    const f = (filter: tf.Tensor, bias: tf.Tensor) =>
      linear(filter as tf.Tensor4D, bias, xs as tf.Tensor4D[], upsampled)
    const gradients = tf.grads(f)([tf.zeros(filterShape as number[]), tf.zeros([out])], dy)
    outputs.forEach((gradient, i) => {
      expectNear(gradient, gradients[i]!)
    })
  })
})

test.each([true, false])('MaxPoolJoinGradient, masked %s', (masked) => {
  const [shape, half] = [
    [2, 4, 6, 3],
    [2, 2, 3, 3],
  ] as const
  let pooled: tf.Tensor4D | undefined
  const { inputs, outputs } = run('MaxPoolJoinGradient', [shape, half, half, shape], { masked }, (inputs) => {
    pooled = tf.maxPool(tensor(inputs[0]!, shape), 2, 2, 'valid')
    inputs[1] = pooled.dataSync()
  })
  const [y, dpooled, dskip] = [tensor(inputs[0]!, shape), tensor(inputs[2]!, half), tensor(inputs[3]!, shape)]
  const dy = tf.add(tf.grad((y) => tf.maxPool(y as tf.Tensor4D, 2, 2, 'valid'))(y, dpooled), dskip)
  expectNear(outputs[0]!, masked ? tf.mul(dy, tf.step(y)) : dy)
})

test('Elementwise runs its steps, broadcasting, and ends in sums and means', () => {
  const attributes: Attributes = {
    steps: [
      { op: 'Sigmoid', inputs: [0], attributes: {} },
      { op: 'Multiply', inputs: [2, 1], attributes: {} },
      { op: 'Sum', inputs: [3], attributes: { axis: [0, 1], keepDims: false } },
      { op: 'Mean', inputs: [2], attributes: { axis: [0, 1], keepDims: true } },
    ],
    results: [3, 4, 5],
  }
  const { inputs, outputs } = run('Elementwise', [[3, 4], [4]], attributes)
  const [x, y] = [tensor(inputs[0]!, [3, 4]), tensor(inputs[1]!, [4])]
  const product = tf.mul(tf.sigmoid(x), y)
  expectNear(outputs[0]!, product)
  expectNear(outputs[1]!, tf.sum(product))
  expectNear(outputs[2]!, tf.mean(tf.sigmoid(x)))
})

describe('RMSProp', () => {
  const options = { decay: 0.9, momentum: 0.8, epsilon: 1e-3 }
  /** One value's step in double precision; [variable, meanSquare, meanGradient, momentum]. */
  const step = ([v, ms, mg, mom, g]: number[], rate: number) => {
    const [ms1, mg1] = [ms! + (g! * g! - ms!) * 0.1, mg! + (g! - mg!) * 0.1]
    const mom1 = 0.8 * mom! + (g! * rate) / Math.sqrt(ms1 - mg1 * mg1 + 1e-3)
    return [v! - mom1, ms1, mg1, mom1]
  }
  const positive = (values: Values) => values.map((value) => 2 + value) as Values

  test.each([1, 0])('ApplyCenteredRMSProp with condition %i', (condition) => {
    const shapes = [[3], [3], [3], [3], [3], [], []]
    const { graph, inputs } = single('ApplyCenteredRMSProp', shapes, options, { 6: 'bool' })
    inputs[1] = positive(inputs[1]!)
    inputs[6] = Uint8Array.of(condition)
    interpret(graph, inputs).forEach((values, output) => {
      values.forEach((value, i) => {
        const state = inputs.slice(0, 5).map((input) => input[i]!)
        expect(value).toBeCloseTo(condition ? step(state, inputs[5]![0]!)[output]! : state[output]!, 5)
      })
    })
  })

  test('MultiTensorRMSProp takes (gradient + variable · weightDecay) / lossScale', () => {
    const state = [
      [2, 3],
      [2, 3],
      [2, 3],
      [2, 3],
      [2, 3],
    ]
    const shapes = [[], [], [], [], ...state, ...state.map(() => [4])]
    const { graph, inputs } = single('MultiTensorRMSProp', shapes, options, { 1: 'bool' })
    inputs[1] = Uint8Array.of(1)
    for (const i of [5, 10]) inputs[i] = positive(inputs[i]!)
    const [rate, , decay, scale] = inputs.map((values) => values[0]!)
    interpret(graph, inputs).forEach((values, output) => {
      const group = inputs.slice(output < 4 ? 4 : 9).slice(0, 5)
      values.forEach((value, i) => {
        const [v, ms, mg, mom, g] = group.map((input) => input[i]!) as [number, number, number, number, number]
        const expected = step([v, ms, mg, mom, (g + v * decay!) / scale!], rate!)[output % 4]!
        expect(value / (1 + Math.abs(expected))).toBeCloseTo(expected / (1 + Math.abs(expected)), 5)
      })
    })
  })
})

test('to the blocked layout and back is nothing', () => {
  const builder = new GraphBuilder()
  const x = builder.input(dense([1, 3, 3, 2]))
  const [blocked] = builder.add('ToBlocked', [x])
  const [relu] = builder.add('Relu', [blocked!], {}, ['blocked'])
  const graph = builder.build(builder.add('ToDense', [relu!]))
  checkGraph(graph)
  const values = Float32Array.from({ length: sizeOf(builder.typeOf(x)) }, (_, i) => i - 9)
  expect(interpret(graph, [values])[0]).toEqual(values.map((value) => Math.max(0, value)))
})
