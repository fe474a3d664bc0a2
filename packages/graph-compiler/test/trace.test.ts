import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkGraph, interpret, printGraph, type Trace, trace, type Values } from '../src/index'

registerGradients()
beforeEach(() => tf.setBackend('cpu'))

const run = ({ graph, inputs }: Trace) => {
  checkGraph(graph)
  return interpret(
    graph,
    inputs.map(({ values }) => values!),
  )
}

function expectClose(got: Values, expected: tf.Tensor) {
  const want = expected.dataSync()
  expect(got.length).toBe(want.length)
  got.forEach((value, i) => {
    expect(value).toBeCloseTo(want[i]!, 5)
  })
}

const image = (seed = 1) => tf.randomNormal<tf.Rank.R4>([2, 6, 4, 3], 0, 1, 'float32', seed)

test('a function of tensors as a graph', () => {
  const weights = tf.variable(tf.tensor1d([1, 2]), true, 'weights')
  const { graph, inputs, outputs } = trace((x) => tf.mul(tf.add(x, weights), 0.5), [{ shape: [3, 2] }])
  expect(printGraph(graph)).toBe(
    [
      '%0 = Input() {name: "input 0"} : float32[3,2]',
      '%1 = Input() {name: "weights"} : float32[2]',
      '%2 = Input() {name: "0.5"} : float32[]',
      '%3 = Add(%0, %1) : float32[3,2]',
      '%4 = Multiply(%3, %2) : float32[3,2]',
      'return %4\n',
    ].join('\n'),
  )
  expect(inputs.map(({ name }) => name)).toEqual(['input 0', 'weights', '0.5'])
  expect(inputs.map(({ values }) => values)).toEqual([undefined, Float32Array.of(1, 2), Float32Array.of(0.5)])
  expect(outputs).toEqual(['output 0'])
  weights.dispose()
})

describe('interpreted, it gives what the function gives', () => {
  const functions: Record<string, (x: tf.Tensor4D) => tf.TensorContainer> = {
    'a shape of its own for each view': (x) => tf.add(tf.reshape(x, [4, 36]), tf.reshape(tf.ones([2, 18]), [36])),
    'joined, cut and turned': (x) => tf.stack(tf.split(tf.transpose(tf.concat([x, x], 1), [0, 3, 1, 2]), 3, 1)),
    'a convolution of the fused kind': (x) =>
      tf.fused.conv2d({
        x,
        filter: tf.ones([3, 3, 3, 2]),
        strides: 1,
        pad: 'same',
        bias: tf.tensor1d([1, -1]),
        activation: 'relu',
      }),
    'pooled, doubled': (x) => tf.image.resizeNearestNeighbor(tf.maxPool(x, 2, 2, 'same'), [6, 4]),
    'averages, and bilinear': (x) => tf.image.resizeBilinear(tf.avgPool(x, 2, 1, 'valid'), [7, 7]),
    'comparisons and choices': (x) => tf.where(tf.greater(x, 0), x, tf.mul(x, tf.cast(tf.less(x, -1), 'float32'))),
    'whole numbers': (x) => tf.floorDiv(tf.cast(tf.mul(x, 10), 'int32'), tf.scalar(3, 'int32')),
    reductions: (x) => [tf.sum(x, [0, 2]), tf.mean(x), tf.max(x, -1, true), tf.argMax(x, 3), tf.logSumExp(x, 1)],
    'an object': (x) => ({ b: tf.neg(x), a: [tf.abs(x), x] }),
    matrices: (x) => tf.matMul(tf.reshape(x, [12, 12]), tf.reshape(x, [12, 12]), true, false),
    'a softmax': (x) => [tf.softmax(x), tf.logSoftmax(x)],
    'a batch normalisation': (x) => tf.batchNorm(x, [1, 2, 3], [0.5, 1, 2], [0, 1, -1], [1, 2, 1], 1e-3),
    'depthwise, and its gradients': (x) =>
      tf.grads((x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'))([
        x,
        tf.ones([3, 3, 3, 2]),
      ]),
    'gathered, reversed, summed up': (x) => tf.cumsum(tf.reverse(tf.gather(x, tf.tensor1d([1, 1, 0], 'int32')), 2), 3),
    'one hot': (x) => tf.oneHot(tf.argMax(x, 3), 4),
    'a gradient': (x) =>
      tf.grad((x) =>
        tf.sum(
          tf.square(tf.maxPool(tf.relu(tf.conv2d(x as tf.Tensor4D, tf.ones([3, 3, 3, 2]), 1, 'same')), 2, 2, 'valid')),
        ),
      )(x),
    'nothing that it computes': (x) => tf.clone(x),
  }

  test.each(Object.keys(functions))('%s', (name) => {
    const fn = functions[name]!
    const x = image()
    const traced = trace((x) => fn(x as tf.Tensor4D), [x])
    const outputs = run(traced)
    const expected = leaves(fn(x))
    expect(outputs.length).toBe(expected.length)
    outputs.forEach((values, i) => {
      expectClose(values, expected[i]!)
    })
  })

  const leaves = (container: tf.TensorContainer): tf.Tensor[] =>
    container instanceof tf.Tensor
      ? [container]
      : Object.values(container as tf.TensorContainerObject).flatMap((value) => leaves(value))
})

describe('a training step', () => {
  const optimizers: Record<string, () => tf.Optimizer> = {
    sgd: () => tf.train.sgd(0.1),
    momentum: () => tf.train.momentum(0.1, 0.9),
    adam: () => tf.train.adam(0.1),
    rmsprop: () => tf.train.rmsprop(0.1, 0.9, 0.5, 1e-3),
  }

  test.each(Object.keys(optimizers))('with %s: loss and variables as a real step gives them', (name) => {
    const x = image()
    const filter = tf.variable(tf.randomNormal<tf.Rank.R4>([3, 3, 3, 2], 0, 1, 'float32', 3), true, `filter-${name}`)
    const bias = tf.variable(tf.zeros([2]), true, `bias-${name}`)
    const step = (optimizer: tf.Optimizer) => (x: tf.Tensor) =>
      optimizer.minimize(
        () => tf.mean(tf.square(tf.sigmoid(tf.add(tf.conv2d(x as tf.Tensor4D, filter, 1, 'same'), bias)))),
        true,
      )!
    const before = [...filter.dataSync()]
    const { numTensors } = tf.memory()
    const forTracing = optimizers[name]!()
    const traced = trace(step(forTracing), [x])
    expect([...filter.dataSync()]).toEqual(before)
    const outputs = run(traced)

    const loss = step(optimizers[name]!())(x)
    expectClose(outputs[traced.outputs.indexOf('output 0')]!, loss)
    expectClose(outputs[traced.outputs.indexOf(filter.name)]!, filter)
    expectClose(outputs[traced.outputs.indexOf(bias.name)]!, bias)
    expect(before).not.toEqual([...filter.dataSync()])
    expect(numTensors).toBeGreaterThan(0)
    tf.dispose([filter, bias, loss])
  })

  test('leaves variables, tensors and the backend as they were', () => {
    const w = tf.variable(tf.tensor1d([1, 2]), true, 'left-alone')
    const x = tf.tensor1d([3, 4])
    const optimizer = tf.train.sgd(0.1)
    const { numTensors } = tf.memory()
    const dataIds = tf.backend().numDataIds()
    trace(
      (x) => {
        const made = tf.variable(tf.zeros([2]))
        made.assign(tf.add(made, x))
        w.assign(tf.mul(w, x))
        tf.keep(tf.neg(x)).dispose()
        return { kept: tf.keep(tf.exp(x)), w: w as tf.Tensor, x, loss: optimizer.minimize(() => tf.sum(w), true)! }
      },
      [x],
    )
    expect([...w.dataSync()]).toEqual([1, 2])
    expect([...x.dataSync()]).toEqual([3, 4])
    expect(tf.memory().numTensors).toBe(numTensors)
    expect(tf.backend().numDataIds()).toBe(dataIds)
    expect(tf.getBackend()).toBe('cpu')
    tf.dispose([w, x])
  })
})

test('an argument that is given twice is one input; values are asked for in time', () => {
  const x = tf.tensor1d([1, 2])
  const { inputs, graph } = trace((a, b) => tf.add(a, b), [x, x])
  expect(inputs.map(({ name }) => name)).toEqual(['input 0'])
  expect(graph.outputs.length).toBe(1)
  x.dispose()
  expect(() => inputs[0]!.values).toThrow('got values of a tensor that is gone')
})

describe('errors', () => {
  test.each<[string, () => unknown, string]>([
    ['reading', () => tf.neg(tf.scalar(1)).dataSync(), 'got a read of a tensor in a traced function'],
    ['an operation that is not in the table', () => tf.spectral.fft(tf.complex([1], [0])), "'Complex'"],
    ['a trace inside of a trace', () => trace(() => tf.scalar(1)), 'got a trace inside of a trace'],
    [
      'what the function throws',
      () => {
        throw new Error('mine')
      },
      'mine',
    ],
  ])('%s: everything is put back', (_, body, message) => {
    const w = tf.variable(tf.scalar(1), true, 'put-back')
    const { numTensors } = tf.memory()
    const traced = () =>
      trace(() => {
        w.assign(tf.scalar(2))
        body()
        return tf.scalar(1)
      })
    expect(traced).toThrow(message)
    expect(w.dataSync()[0]).toBe(1)
    expect(tf.memory().numTensors).toBe(numTensors)
    expect(tf.getBackend()).toBe('cpu')
    w.dispose()
  })
})
