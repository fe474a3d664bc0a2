import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  defineOperation,
  dense,
  expandGraph,
  GraphBuilder,
  graphKey,
  interpret,
  operation,
  type Values,
} from '../src/index'
import { randomGraphs, randomInputs } from './support/random-graph'

registerGradients()
beforeAll(() => tf.setBackend('cpu'))

const cpu = () => tf.engine().findBackend('cpu')

test('random graphs: every kernel gives what the table infers, numbers are finite, nothing stays behind', () => {
  fc.assert(
    fc.property(randomGraphs(), ({ graph, inputs }) => {
      const before = cpu().numDataIds()
      const outputs = interpret(graph, inputs)
      expect(cpu().numDataIds()).toBe(before)
      expect(outputs.flatMap((values) => [...values]).every(Number.isFinite)).toBe(true)
      expect(interpret(expandGraph(graph), inputs)).toEqual(outputs)
    }),
  )
})

test('outputs are copies', () => {
  const builder = new GraphBuilder()
  const x = builder.input(dense([2]))
  const graph = builder.build([x, ...builder.add('Reshape', [x], { shape: [2, 1] })])
  const values = Float32Array.of(1, 2)
  const outputs = interpret(graph, [values])
  values.fill(0)
  expect(outputs).toEqual([Float32Array.of(1, 2), Float32Array.of(1, 2)])
})

test('values are freed when their last reader has run', () => {
  const counts: number[] = []
  defineOperation(operation({ name: 'Probe', inputs: ['x'], kind: 'elementwise', infer: ({ x }) => x }))
  tf.registerKernel({
    kernelName: 'Probe',
    backendName: 'cpu',
    kernelFunc({ inputs, backend }) {
      counts.push((backend as tf.KernelBackend).numDataIds())
      return tf.getKernel('Neg', 'cpu').kernelFunc({ inputs, backend, attrs: {} })
    },
  })
  const before = cpu().numDataIds()
  const builder = new GraphBuilder()
  let x = builder.input(dense([2]))
  for (let i = 0; i < 9; i++) x = builder.add('Probe', [x])[0]!
  interpret(builder.build([x]), [Float32Array.of(1, 2)])
  expect(counts).toEqual(counts.map(() => before + 1))
})

describe('errors', () => {
  const builder = new GraphBuilder()
  const graph = builder.build(builder.add('Neg', [builder.input(dense([2, 2]))]))

  test.each<[Values[], string]>([
    [[], 'input 0: got no values, expected 4 for float32[2,2]'],
    [[new Float32Array(3)], 'input 0: got 3 values, expected 4 for float32[2,2]'],
    [[new Float32Array(4), new Float32Array(1)], 'got 2 inputs, expected 1'],
  ])('%#', (inputs, message) => {
    const before = cpu().numDataIds()
    expect(() => interpret(graph, inputs)).toThrow(message)
    expect(cpu().numDataIds()).toBe(before)
  })
})

/** The values that one node gives. */
function one(op: string, shapes: readonly (readonly number[])[], attributes: object, inputs?: Values[]) {
  const builder = new GraphBuilder()
  const operands = shapes.map((shape) => builder.input(dense(shape)))
  const graph = builder.build([builder.add(op, operands, { ...attributes })[0]!])
  const given = inputs ?? randomInputs(graph, 7)
  return { inputs: given, output: interpret(graph, given)[0]! }
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0)

describe('where the CPU backend is not to be trusted', () => {
  // dL/dx · v = dy · resize(v) for any v: the gradient is the transpose of the resizing, for every image of the batch.
  test.each([
    { size: [6, 4], alignCorners: false, halfPixelCenters: false },
    { size: [2, 5], alignCorners: true, halfPixelCenters: false },
    { size: [5, 3], alignCorners: false, halfPixelCenters: true },
  ])('ResizeNearestNeighborGrad is the transpose of ResizeNearestNeighbor, %o', (attributes) => {
    const [x, y] = [
      [3, 3, 2, 2],
      [3, ...attributes.size, 2],
    ]
    const resized = one('ResizeNearestNeighbor', [x], attributes)
    const dy = randomInputs(
      { nodes: [{ op: 'Input', inputs: [], attributes: {}, types: [dense(y)] }], outputs: [] },
      3,
    )[0]!
    const gradient = one('ResizeNearestNeighborGrad', [x, y], attributes, [resized.inputs[0]!, dy])
    for (const image of [0, 1, 2]) {
      const part = (values: Values) => values.subarray((image * values.length) / 3, ((image + 1) * values.length) / 3)
      expect(dot(part(gradient.output), part(resized.inputs[0]!))).toBeCloseTo(dot(part(dy), part(resized.output)), 4)
    }
  })

  test.each([
    { strides: [1, 1], pad: 'same' },
    { strides: [2, 1], pad: 'valid' },
    { strides: [1, 2], pad: 'same' },
    { strides: [2, 2], pad: 1, dimRoundingMode: 'floor' },
  ])('Conv2DBackpropFilter is what the CPU backend takes so long for, %o', (attributes) => {
    const [x, filterShape] = [
      [2, 5, 6, 3],
      [3, 2, 3, 4],
    ]
    const y = one('Conv2D', [x, filterShape], attributes).output
    const [, h, w] = tf.backend_util.computeConv2DInfo(
      x as [number, number, number, number],
      filterShape as [number, number, number, number],
      attributes.strides as [number, number],
      1,
      attributes.pad as 'same',
      attributes.dimRoundingMode as 'floor',
    ).outShape
    const { inputs, output } = one('Conv2DBackpropFilter', [x, [2, h, w, 4]], { ...attributes, filterShape })
    const kernel = tf.getKernel('Conv2DBackpropFilter', 'cpu').kernelFunc
    const [tensorX, dy] = [tf.tensor(inputs[0]!, x), tf.tensor(inputs[1]!, [2, h, w, 4])]
    const expected = kernel({
      inputs: { x: tensorX, dy },
      attrs: { dataFormat: 'NHWC', ...attributes, filterShape } as tf.NamedAttrMap,
      backend: cpu(),
    })
    const values = cpu().readSync((expected as tf.TensorInfo).dataId) as Float32Array
    expect(y.length).toBe(2 * h * w * 4)
    output.forEach((value, i) => {
      expect(value).toBeCloseTo(values[i]!, 5)
    })
  })
})

test('keys and texts: equal only where the graphs are', () => {
  fc.assert(
    fc.property(randomGraphs({ steps: 3 }), randomGraphs({ steps: 3 }), (a, b) => {
      const texts = [a, b].map(({ graph }) => graph)
      const same = JSON.stringify(texts[0]) === JSON.stringify(texts[1])
      expect(graphKey(a.graph) === graphKey(b.graph)).toBe(same)
    }),
    { numRuns: 300 },
  )
})
