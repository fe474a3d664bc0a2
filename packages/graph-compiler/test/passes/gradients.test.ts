import { expect, test } from 'vitest'
import { dense, type GraphBuilder, type Value } from '../../src/index'
import { convolution } from '../../src/passes/convolution'
import { convolutionFilterGradient } from '../../src/passes/convolution-filter-gradient'
import { convolutionInputGradient } from '../../src/passes/convolution-input-gradient'
import { maxPoolGradient } from '../../src/passes/max-pool-gradient'
import { reluGradient } from '../../src/passes/relu-gradient'
import { graphOf, one, passed } from '../support/passes'

const SAME = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC' }
const POOL = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }
const RESIZE = { alignCorners: false, halfPixelCenters: false }

test("tfjs's gradient of a ReLU reads the output", () => {
  const graph = graphOf((b) => {
    const [z, dy] = [b.input(dense([2, 3])), b.input(dense([2, 3]))]
    const y = one(b, 'Relu', [z])
    return [y, one(b, 'Multiply', [dy, one(b, 'Step', [z], { alpha: 0 })])]
  })
  expect(passed(reluGradient, graph)).toMatchInlineSnapshot(`
    "
    %2 = Relu(%0) : float32[2,3]
    %3 = ReluGrad(%1, %2) : float32[2,3]
    return %2, %3
    "
  `)
})

test('a leaky step is no ReLU', () => {
  const graph = graphOf((b) => {
    const [z, dy] = [b.input(dense([2, 3])), b.input(dense([2, 3]))]
    return [one(b, 'Relu', [z]), one(b, 'Multiply', [dy, one(b, 'Step', [z], { alpha: 0.1 })])]
  })
  expect(reluGradient(graph)).toBe(graph)
})

test("an input's gradient applies the mask", () => {
  const graph = graphOf((b) => {
    const [dy, filter, y] = [
      b.input(dense([1, 4, 4, 16])),
      b.input(dense([3, 3, 32, 16])),
      b.input(dense([1, 4, 4, 32])),
    ]
    const dx = one(b, 'Conv2DBackpropInput', [dy, filter], { ...SAME, inputShape: [1, 4, 4, 32] })
    return [one(b, 'ReluGrad', [dx, y])]
  })
  expect(passed(convolutionInputGradient, graph)).toMatchInlineSnapshot(`
    "
    %3 = ConvolutionInputGradient(%0, %1, %2) {channels: [32], upsampled: false} : float32[1,4,4,32]
    return %3
    "
  `)
})

const slices = (b: GraphBuilder, dy: Value, filter: Value, channels: readonly number[], order: readonly number[]) => {
  const result: Value[] = []
  for (const i of order) {
    const begin = channels.slice(0, i).reduce((sum, size) => sum + size, 0)
    const part = one(b, 'Slice', [filter], { begin: [0, 0, begin, 0], size: [3, 3, channels[i]!, 16] })
    result[i] = one(b, 'Conv2DBackpropInput', [dy, part], { ...SAME, inputShape: [1, 4, 4, channels[i]!] })
  }
  return result
}

test('the gradients by all parts are one operation', () => {
  const graph = graphOf((b) => {
    const [dy, filter, y] = [
      b.input(dense([1, 4, 4, 16])),
      b.input(dense([3, 3, 48, 16])),
      b.input(dense([1, 4, 4, 16])),
    ]
    const [da, dc] = slices(b, dy, filter, [16, 32], [1, 0])
    return [one(b, 'ReluGrad', [da!, y]), dc!]
  })
  expect(passed(convolutionInputGradient, graph)).toMatchInlineSnapshot(`
    "
    %3 = ConvolutionInputGradient(%0, %1, %2, _) {channels: [16,32], upsampled: false} : float32[1,4,4,16], float32[1,4,4,32]
    return %3, %3#1
    "
  `)
})

test('the gradient by one part alone keeps its slice', () => {
  const graph = graphOf((b) => {
    const [dy, filter] = [b.input(dense([1, 4, 4, 16])), b.input(dense([3, 3, 48, 16]))]
    return [slices(b, dy, filter, [16, 32], [1])[1]!]
  })
  expect(passed(convolutionInputGradient, graph)).toMatchInlineSnapshot(`
    "
    %2 = Slice(%1) {begin: [0,0,16,0], size: [3,3,32,16]} : float32[3,3,32,16]
    %3 = ConvolutionInputGradient(%0, %2, _) {channels: [32], upsampled: false} : float32[1,4,4,32]
    return %3
    "
  `)
})

test('no cycle: a mask that another of the gradients is needed for', () => {
  const graph = graphOf((b) => {
    const [dy, filter] = [b.input(dense([1, 4, 4, 16])), b.input(dense([3, 3, 32, 16]))]
    const [da, dc] = slices(b, dy, filter, [16, 16], [0, 1])
    return [one(b, 'ReluGrad', [dc!, one(b, 'Exp', [da!])])]
  })
  expect(convolutionInputGradient(graph)).toBe(graph)
})

test('no cycle: a part that the bias gradient is needed for', () => {
  const graph = graphOf((b) => {
    const [dy, x] = [b.input(dense([1, 4, 4, 16])), b.input(dense([1, 4, 4, 16]))]
    const dbias = one(b, 'BiasAddGrad', [dy])
    return [one(b, 'Conv2DBackpropFilter', [one(b, 'Add', [x, dbias]), dy], { ...SAME, filterShape: [3, 3, 16, 16] })]
  })
  expect(passed(convolutionFilterGradient, graph)).toContain('BiasAddGrad')
})

test("an upsampled part's gradient", () => {
  const graph = graphOf((b) => {
    const [dy, filter, x] = [
      b.input(dense([1, 4, 8, 16])),
      b.input(dense([2, 2, 32, 16])),
      b.input(dense([1, 2, 4, 32])),
    ]
    const large = one(b, 'Conv2DBackpropInput', [dy, filter], { ...SAME, inputShape: [1, 4, 8, 32] })
    return [one(b, 'ReluGrad', [one(b, 'ResizeNearestNeighborGrad', [x, large], { ...RESIZE }), x])]
  })
  expect(passed(convolutionInputGradient, graph)).toMatchInlineSnapshot(`
    "
    %3 = ConvolutionInputGradient(%0, %1, %2) {channels: [32], upsampled: true} : float32[1,2,4,32]
    return %3
    "
  `)
})

test('the gradients by filter and bias, of joined parts', () => {
  const graph = graphOf((b) => {
    const [a, c, dy] = [b.input(dense([1, 4, 4, 16])), b.input(dense([1, 4, 4, 32])), b.input(dense([1, 4, 4, 16]))]
    const part = (x: Value, channels: number) =>
      one(b, 'Conv2DBackpropFilter', [x, dy], { ...SAME, filterShape: [3, 3, channels, 16] })
    const dfilter = one(b, 'Concat', [part(a, 16), part(c, 32)], { axis: 2 })
    return [dfilter, one(b, 'Sum', [dy], { axis: [0, 1, 2], keepDims: false })]
  })
  expect(passed(convolutionFilterGradient, graph)).toMatchInlineSnapshot(`
    "
    %3 = ConvolutionFilterGradient(%2, %0, %1) {size: [3,3], upsampled: false} : float32[3,3,48,16], float32[16]
    return %3, %3#1
    "
  `)
})

test('the gradients by filter and bias, of an upsampled part', () => {
  const graph = graphOf((b) => {
    const [x, dy] = [b.input(dense([1, 2, 4, 16])), b.input(dense([1, 4, 8, 32]))]
    const large = one(b, 'ResizeNearestNeighbor', [x], { ...RESIZE, size: [4, 8] })
    const dfilter = one(b, 'Conv2DBackpropFilter', [large, dy], { ...SAME, filterShape: [2, 2, 16, 32] })
    return [dfilter, one(b, 'BiasAddGrad', [dy])]
  })
  expect(passed(convolutionFilterGradient, graph)).toMatchInlineSnapshot(`
    "
    %2 = ConvolutionFilterGradient(%1, %0) {size: [2,2], upsampled: true} : float32[2,2,16,32], float32[32]
    return %2, %2#1
    "
  `)
})

test.each([
  [true, true],
  [true, false],
  [false, true],
  [false, false],
])("a pool's gradient: joined %s, masked %s", (joined, masked) => {
  const graph = graphOf((b) => {
    const [x, filter, dskip] = [
      b.input(dense([1, 4, 4, 16])),
      b.input(dense([3, 3, 16, 16])),
      b.input(dense([1, 4, 4, 16])),
    ]
    const dpooled = b.input(dense([1, 2, 2, 16]))
    const y = one(b, 'FusedConv2D', [x, filter, null], { ...SAME, dilations: [1, 1], activation: 'relu' })
    const dy = one(b, 'MaxPoolGrad', [dpooled, y, one(b, 'MaxPool', [y], POOL)], POOL)
    const sum = joined ? one(b, 'Add', [dskip, dy]) : dy
    return [masked ? one(b, 'ReluGrad', [sum, y]) : sum]
  })
  const text = passed((graph) => maxPoolGradient(convolution(graph)), graph)
  expect(text.split('\n').slice(2, -2).join()).toBe(
    `%5 = MaxPoolJoinGradient(%4, %4#1, %3, ${joined ? '%2' : '_'}) {masked: ${masked}} : float32[1,4,4,16]`,
  )
})
