import { expect, test } from 'vitest'
import { dense, type GraphBuilder, type Value } from '../../src/index'
import { multiTensorRMSProp } from '../../src/passes/multi-tensor-rmsprop'
import { graphOf, one, passed } from '../support/passes'

const OPTIONS = { decay: 0.9, momentum: 0.8, epsilon: 1e-10 }

/** Inputs of an update, and the update of a gradient. */
function variable(b: GraphBuilder, shape: number[]) {
  const [value, momentum, gradient] = [0, 1, 2].map(() => b.input(dense(shape))) as [Value, Value, Value]
  const meanSquare = one(b, 'Square', [b.input(dense(shape))]) // not negative
  const zero = one(b, 'ZerosLike', [value])
  const update = (gradient: Value, rate: Value, condition: Value) =>
    b.add('ApplyCenteredRMSProp', [value, meanSquare, zero, momentum, gradient, rate, condition], OPTIONS)
  return { value, gradient, update }
}

test('all updates with weight decay and loss scale', () => {
  const graph = graphOf((b) => {
    const [rate, decay, scale] = [b.input(dense([])), b.input(dense([])), b.input(dense([]))]
    const condition = b.input(dense([], 'bool'))
    return [[2, 2], [3]].flatMap((shape, i) => {
      const { value, gradient, update } = variable(b, shape)
      const decayed = one(b, 'Multiply', i === 0 ? [value, decay] : [decay, value])
      return update(one(b, 'RealDiv', [one(b, 'Add', [decayed, gradient]), scale]), rate, condition)
    })
  })
  expect(passed(multiTensorRMSProp, graph)).toMatchInlineSnapshot(`
    "
    %12 = Square(%7) : float32[2,2]
    %13 = ZerosLike(%4) : float32[2,2]
    %14 = Square(%11) : float32[3]
    %15 = ZerosLike(%8) : float32[3]
    %16 = MultiTensorRMSProp(%0, %3, %1, %2, %4, %12, %13, %5, %6, %8, %14, %15, %9, %10) {decay: 0.9, epsilon: 1e-10, momentum: 0.8} : float32[2,2], float32[2,2], float32[2,2], float32[2,2], float32[3], float32[3], float32[3], float32[3]
    return %16, %16#1, %16#2, %16#3, %16#4, %16#5, %16#6, %16#7
    "
  `)
})

test('updates of another decay, and those that depend on others, are nodes of their own', () => {
  const graph = graphOf((b) => {
    const [rate, decay, condition] = [b.input(dense([])), b.input(dense([])), b.input(dense([], 'bool'))]
    const [first, second, third] = [variable(b, [2]), variable(b, [2]), variable(b, [2])]
    const decayed = one(b, 'Add', [first.gradient, one(b, 'Multiply', [first.value, decay])])
    const after = second.update(second.gradient, rate, condition)
    return [...first.update(decayed, rate, condition), ...after, ...third.update(after[0]!, rate, condition)]
  })
  expect(passed(multiTensorRMSProp, graph).match(/MultiTensorRMSProp/g)).toHaveLength(3)
})
