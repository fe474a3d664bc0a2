import { expect, test } from 'vitest'
import { dense } from '../../src/index'
import { convolution } from '../../src/passes/convolution'
import { convolutionEpilogue } from '../../src/passes/convolution-epilogue'
import { graphOf, one, passed } from '../support/passes'

const SAME = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }
const POOL = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }
const RESIZE = { alignCorners: false, halfPixelCenters: false }

test('bias and activation join their convolution', () => {
  const graph = graphOf((b) => {
    const [x, filter, bias] = [b.input(dense([1, 5, 5, 2])), b.input(dense([3, 3, 2, 3])), b.input(dense([3]))]
    const conv = one(b, 'Conv2D', [x, filter], { ...SAME, strides: [2, 2], pad: 'valid' })
    return [one(b, 'LeakyRelu', [one(b, 'Add', [bias, conv])], { alpha: 0.5 })]
  })
  expect(passed(convolutionEpilogue, graph)).toMatchInlineSnapshot(`
    "
    %3 = FusedConv2D(%0, %1, %2, _) {activation: "leakyrelu", dataFormat: "NHWC", dilations: [1,1], leakyreluAlpha: 0.5, pad: "valid", strides: [2,2]} : float32[1,2,2,3]
    return %3
    "
  `)
})

test('a bias or an activation that others read past stays', () => {
  const graph = graphOf((b) => {
    const [x, filter, bias] = [b.input(dense([1, 4, 4, 2])), b.input(dense([3, 3, 2, 3])), b.input(dense([3]))]
    const sum = one(b, 'Add', [one(b, 'Conv2D', [x, filter], SAME), bias])
    return [one(b, 'Relu', [sum]), one(b, 'Square', [sum])]
  })
  expect(passed(convolutionEpilogue, graph)).toMatchInlineSnapshot(`
    "
    %3 = FusedConv2D(%0, %1, %2, _) {activation: "linear", dataFormat: "NHWC", dilations: [1,1], pad: "same", strides: [1,1]} : float32[1,4,4,3]
    %4 = Relu(%3) : float32[1,4,4,3]
    %5 = Square(%3) : float32[1,4,4,3]
    return %4, %5
    "
  `)
})

test('a convolution reads joined parts in place and takes the maxima', () => {
  const graph = graphOf((b) => {
    const [a, c] = [b.input(dense([1, 4, 4, 16])), b.input(dense([1, 4, 4, 32]))]
    const [filter, bias] = [b.input(dense([3, 3, 48, 16])), b.input(dense([16]))]
    const x = one(b, 'Concat', [a, c], { axis: 3 })
    const y = one(b, 'FusedConv2D', [x, filter, bias], { ...SAME, activation: 'relu' })
    return [one(b, 'MaxPool', [y], POOL), y]
  })
  expect(passed(convolution, graph)).toMatchInlineSnapshot(`
    "
    %4 = Convolution(%2, %3, %0, %1) {activation: "relu", leakyreluAlpha: 0, pooled: true, upsampled: false} : float32[1,4,4,16], float32[1,2,2,16]
    return %4#1, %4
    "
  `)
})

test('a convolution reads an upsampled part in place', () => {
  const graph = graphOf((b) => {
    const [x, filter] = [b.input(dense([1, 2, 4, 16])), b.input(dense([2, 2, 16, 16]))]
    const large = one(b, 'ResizeNearestNeighbor', [x], { ...RESIZE, size: [4, 8] })
    return [one(b, 'Conv2D', [large, filter], SAME)]
  })
  expect(passed(convolution, graph)).toMatchInlineSnapshot(`
    "
    %2 = Convolution(%1, _, %0) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: true} : float32[1,4,8,16]
    return %2
    "
  `)
})

test.each([
  ['by 3', [6, 6], RESIZE],
  ['of aligned corners', [4, 4], { ...RESIZE, alignCorners: true }],
])('an enlargement %s stays', (_, size, attributes) => {
  const graph = graphOf((b) => {
    const [x, filter] = [b.input(dense([1, 2, 2, 16])), b.input(dense([2, 2, 16, 16]))]
    return [one(b, 'Conv2D', [one(b, 'ResizeNearestNeighbor', [x], { ...attributes, size }), filter], SAME)]
  })
  expect(convolution(graph)).toBe(graph)
})

test('a pooling of other windows stays', () => {
  const graph = graphOf((b) => {
    const [x, filter] = [b.input(dense([1, 6, 6, 16])), b.input(dense([3, 3, 16, 16]))]
    const y = one(b, 'Conv2D', [x, filter], SAME)
    return [
      one(b, 'MaxPool', [y], { ...POOL, filterSize: [3, 3] }),
      one(b, 'MaxPool', [y], { ...POOL, strides: [1, 1] }),
    ]
  })
  expect(passed(convolution, graph).match(/MaxPool/g)).toHaveLength(2)
})

test('an activation that the fast kernel lacks follows it', () => {
  const graph = graphOf((b) => {
    const [x, filter, bias] = [b.input(dense([1, 4, 4, 16])), b.input(dense([1, 1, 16, 1])), b.input(dense([1]))]
    return [one(b, 'FusedConv2D', [x, filter, bias], { ...SAME, activation: 'sigmoid' })]
  })
  expect(passed(convolution, graph)).toMatchInlineSnapshot(`
    "
    %3 = Convolution(%1, %2, %0) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: false} : float32[1,4,4,1]
    %4 = Sigmoid(%3) : float32[1,4,4,1]
    return %4
    "
  `)
})

test.each([
  ['other channels', [1, 4, 4, 8], [3, 3, 8, 16], SAME],
  ['another filter', [1, 4, 4, 16], [5, 5, 16, 16], SAME],
  ['strides', [1, 4, 4, 16], [3, 3, 16, 16], { ...SAME, strides: [2, 2] }],
  ['no padding', [1, 4, 4, 16], [3, 3, 16, 16], { ...SAME, pad: 'valid' }],
])('a convolution without a fast kernel stays: %s', (_, x, filter, attributes) => {
  const graph = graphOf((b) => [one(b, 'Conv2D', [b.input(dense(x)), b.input(dense(filter))], attributes)])
  expect(convolution(graph)).toBe(graph)
})
