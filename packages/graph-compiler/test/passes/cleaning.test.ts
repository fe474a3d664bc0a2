import { expect, test } from 'vitest'
import { dense } from '../../src/index'
import { canonicalise } from '../../src/passes/canonicalise'
import { commonSubexpressions } from '../../src/passes/common-subexpressions'
import { constantFolding } from '../../src/passes/constant-folding'
import { deadCode } from '../../src/passes/dead-code'
import { graphOf, one, passed } from '../support/passes'

test('views of views, and operations that change nothing', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([2, 6]))
    const y = one(b, 'Reshape', [one(b, 'ExpandDims', [one(b, 'Reshape', [x], { shape: [3, 4] })], { dim: 0 })], {
      shape: [4, 3],
    })
    const same = one(b, 'Cast', [one(b, 'Identity', [x])], { dtype: 'float32' })
    return [one(b, 'Relu', [y]), one(b, 'Exp', [same])]
  })
  expect(passed(canonicalise, graph)).toMatchInlineSnapshot(`
    "
    %1 = Reshape(%0) {shape: [4,3]} : float32[4,3]
    %2 = Relu(%1) : float32[4,3]
    %3 = Exp(%0) : float32[2,6]
    return %2, %3
    "
  `)
})

test('operands in order; a sum of stacked scalars', () => {
  const graph = graphOf((b) => {
    const [x, y] = [b.input(dense([])), b.input(dense([]))]
    const sum = one(b, 'Sum', [one(b, 'Pack', [one(b, 'Multiply', [y, x]), y, x], { axis: 0 })], {
      axis: null,
      keepDims: false,
    })
    return [one(b, 'Sub', [y, sum])]
  })
  expect(passed(canonicalise, graph, 1e-7)).toMatchInlineSnapshot(`
    "
    %2 = Multiply(%0, %1) : float32[]
    %3 = AddN(%2, %1, %0) : float32[]
    %4 = Sub(%1, %3) : float32[]
    return %4
    "
  `)
})

test('equal operations on equal values are one', () => {
  const graph = graphOf((b) => {
    const [x, y] = [b.input(dense([2])), b.input(dense([2]))]
    const twice = [0, 1].map(() => one(b, 'Square', [one(b, 'Sub', [x, y])]))
    return [
      one(b, 'Add', twice),
      one(b, 'Sub', [y, x]),
      one(b, 'LeakyRelu', [x], { alpha: 0.1 }),
      one(b, 'LeakyRelu', [x], { alpha: 0.2 }),
    ]
  })
  expect(passed(commonSubexpressions, graph)).toMatchInlineSnapshot(`
    "
    %2 = Sub(%0, %1) : float32[2]
    %3 = Square(%2) : float32[2]
    %4 = Add(%3, %3) : float32[2]
    %5 = Sub(%1, %0) : float32[2]
    %6 = LeakyRelu(%0) {alpha: 0.1} : float32[2]
    %7 = LeakyRelu(%0) {alpha: 0.2} : float32[2]
    return %4, %5, %6, %7
    "
  `)
})

test('constants', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([2, 2]))
    const ones = one(b, 'OnesLike', [x])
    const two = one(b, 'Add', [ones, ones])
    const third = one(b, 'RealDiv', [ones, one(b, 'Add', [two, ones])])
    const row = one(b, 'Tile', [one(b, 'Reshape', [third], { shape: [1, 4] })], { reps: [2, 1] })
    return [one(b, 'Multiply', [ones, x]), one(b, 'Sub', [x, one(b, 'ZerosLike', [x])]), one(b, 'Sqrt', [row])]
  })
  expect(passed(constantFolding, graph)).toMatchInlineSnapshot(`
    "
    %1 = Fill() {dtype: "float32", shape: [2,4], value: 0.5773502588272095} : float32[2,4]
    return %0, %0, %1
    "
  `)
})

test('x + 0 stays: it makes a 0 of −0', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([2]))
    return [one(b, 'Add', [x, one(b, 'Fill', [], { shape: [], value: 0, dtype: 'float32' })])]
  })
  expect(constantFolding(graph)).toBe(graph)
})

test('what no output needs goes; inputs stay', () => {
  const graph = graphOf((b) => {
    const [x, y] = [b.input(dense([2])), b.input(dense([2]))]
    one(b, 'Exp', [one(b, 'Add', [x, y])])
    return [one(b, 'Neg', [y])]
  })
  expect(passed(deadCode, graph)).toMatchInlineSnapshot(`
    "
    %2 = Neg(%1) : float32[2]
    return %2
    "
  `)
})
