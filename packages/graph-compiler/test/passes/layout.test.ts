import { expect, test } from 'vitest'
import { dense } from '../../src/index'
import { layout } from '../../src/passes/layout'
import { graphOf, one, passed } from '../support/passes'

const LINEAR = { activation: 'linear', upsampled: false, pooled: false }

test('blocked between convolutions, converted once at the borders', () => {
  const graph = graphOf((b) => {
    const [x, w1, w2, w3] = [
      b.input(dense([1, 4, 4, 1])),
      b.input(dense([3, 3, 1, 16])),
      b.input(dense([3, 3, 16, 16])),
      b.input(dense([1, 1, 16, 2])),
    ]
    const y = one(b, 'Convolution', [w1, null, x], LINEAR)
    const z = one(b, 'Convolution', [w2, null, y], LINEAR)
    return [one(b, 'Convolution', [w3, null, z], LINEAR), one(b, 'Exp', [y]), one(b, 'Neg', [y])]
  })
  expect(passed(layout, graph)).toMatchInlineSnapshot(`
    "
    %4 = Convolution(%1, _, %0) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: false} : float32[1,4,4,16] blocked
    %5 = Convolution(%2, _, %4) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: false} : float32[1,4,4,16] blocked
    %6 = Convolution(%3, _, %5) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: false} : float32[1,4,4,2]
    %7 = ToDense(%4) : float32[1,4,4,16]
    %8 = Exp(%7) : float32[1,4,4,16]
    %9 = Neg(%7) : float32[1,4,4,16]
    return %6, %8, %9
    "
  `)
})

test('the gradients', () => {
  const graph = graphOf((b) => {
    const [x, y, dy, w] = [
      b.input(dense([1, 4, 4, 16])),
      b.input(dense([1, 4, 4, 16])),
      b.input(dense([1, 4, 4, 2])),
      b.input(dense([1, 1, 16, 2])),
    ]
    const dz = one(b, 'ConvolutionInputGradient', [dy, w, y], { channels: [16], upsampled: false })
    const pooled = one(b, 'MaxPool', [x], { filterSize: [2, 2], strides: [2, 2], pad: 'valid' })
    return [
      ...b.add('ConvolutionFilterGradient', [dy, y], { size: [1, 1], upsampled: false }),
      ...b.add('ConvolutionFilterGradient', [dz, x], { size: [3, 3], upsampled: false }),
      one(b, 'MaxPoolJoinGradient', [x, pooled, pooled, dz], { masked: true }),
    ]
  })
  expect(passed(layout, graph)).toMatchInlineSnapshot(`
    "
    %4 = ToBlocked(%1) : float32[1,4,4,16] blocked
    %5 = ConvolutionInputGradient(%2, %3, %4) {channels: [16], upsampled: false} : float32[1,4,4,16] blocked
    %6 = MaxPool(%0) {filterSize: [2,2], pad: "valid", strides: [2,2]} : float32[1,2,2,16]
    %7 = ConvolutionFilterGradient(%2, %4) {size: [1,1], upsampled: false} : float32[1,1,16,2], float32[2]
    %8 = ToBlocked(%0) : float32[1,4,4,16] blocked
    %9 = ConvolutionFilterGradient(%5, %8) {size: [3,3], upsampled: false} : float32[3,3,16,16], float32[16]
    %10 = ToBlocked(%6) : float32[1,2,2,16] blocked
    %11 = MaxPoolJoinGradient(%8, %10, %10, %5) {masked: true} : float32[1,4,4,16] blocked
    %12 = ToDense(%11) : float32[1,4,4,16]
    return %7, %7#1, %9, %9#1, %12
    "
  `)
})

test('what stands between convolutions is blocked, too', () => {
  const graph = graphOf((b) => {
    const [x, skip, bias] = [b.input(dense([1, 4, 4, 16])), b.input(dense([1, 4, 4, 16])), b.input(dense([16]))]
    const [w1, w2] = [b.input(dense([3, 3, 16, 16])), b.input(dense([3, 3, 16, 16]))]
    const y = one(b, 'Convolution', [w1, null, x], LINEAR)
    const activated = one(b, 'Elu', [one(b, 'Add', [one(b, 'Sub', [y, bias]), skip])])
    const pooled = one(b, 'MaxPool', [activated], { filterSize: [2, 2], strides: [2, 2], pad: 'valid' })
    return [one(b, 'Convolution', [w2, null, pooled], LINEAR)]
  })
  expect(passed(layout, graph)).toMatchInlineSnapshot(`
    "
    %5 = ToBlocked(%0) : float32[1,4,4,16] blocked
    %6 = Convolution(%3, _, %5) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: false} : float32[1,4,4,16] blocked
    %7 = Sub(%6, %2) : float32[1,4,4,16] blocked
    %8 = ToBlocked(%1) : float32[1,4,4,16] blocked
    %9 = Add(%7, %8) : float32[1,4,4,16] blocked
    %10 = Elu(%9) : float32[1,4,4,16] blocked
    %11 = MaxPool(%10) {filterSize: [2,2], pad: "valid", strides: [2,2]} : float32[1,2,2,16] blocked
    %12 = Convolution(%4, _, %11) {activation: "linear", leakyreluAlpha: 0, pooled: false, upsampled: false} : float32[1,2,2,16] blocked
    %13 = ToDense(%12) : float32[1,2,2,16]
    return %13
    "
  `)
})
