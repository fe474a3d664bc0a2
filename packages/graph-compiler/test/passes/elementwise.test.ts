import { expect, test } from 'vitest'
import { dense, type GraphBuilder, type Value } from '../../src/index'
import { elementwise } from '../../src/passes/elementwise'
import { graphOf, one, passed } from '../support/passes'

const sum = (b: GraphBuilder, x: Value) => one(b, 'Sum', [x], { axis: null, keepDims: false })

test('a chain, its broadcast operands, and the sums at its end', () => {
  const graph = graphOf((b) => {
    const [x, y, factor] = [b.input(dense([2, 3])), b.input(dense([2, 3])), b.input(dense([3]))]
    const p = one(b, 'Sigmoid', [x])
    return [sum(b, one(b, 'Multiply', [one(b, 'Multiply', [p, factor]), y])), sum(b, p)]
  })
  expect(passed(elementwise, graph)).toMatchInlineSnapshot(`
    "
    %3 = Elementwise(%0, %2, %1) {results: [6,7], steps: [{attributes: {}, inputs: [0], op: "Sigmoid"},{attributes: {}, inputs: [3,1], op: "Multiply"},{attributes: {}, inputs: [4,2], op: "Multiply"},{attributes: {axis: [0,1], keepDims: false}, inputs: [5], op: "Sum"},{attributes: {axis: [0,1], keepDims: false}, inputs: [3], op: "Sum"}]} : float32[], float32[]
    return %3, %3#1
    "
  `)
})

test('what needs a sum is another sweep, which recomputes nothing', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([4]))
    const e = one(b, 'Exp', [x])
    return [one(b, 'RealDiv', [e, sum(b, e)])]
  })
  expect(passed(elementwise, graph)).toMatchInlineSnapshot(`
    "
    %1 = Elementwise(%0) {results: [1,2], steps: [{attributes: {}, inputs: [0], op: "Exp"},{attributes: {axis: [0], keepDims: false}, inputs: [1], op: "Sum"}]} : float32[4], float32[]
    %2 = RealDiv(%1, %1#1) : float32[4]
    return %2
    "
  `)
})

test('no cycle by way of an operation that is none', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([3, 3]))
    const y = one(b, 'Exp', [x])
    const product = one(b, 'BatchMatMul', [y, y], { transposeA: false, transposeB: false })
    return [one(b, 'Add', [y, one(b, 'Neg', [product])])]
  })
  expect(passed(elementwise, graph)).toMatchInlineSnapshot(`
    "
    %1 = Exp(%0) : float32[3,3]
    %2 = BatchMatMul(%1, %1) {transposeA: false, transposeB: false} : float32[3,3]
    %3 = Elementwise(%2, %1) {results: [3], steps: [{attributes: {}, inputs: [0], op: "Neg"},{attributes: {}, inputs: [1,2], op: "Add"}]} : float32[3,3]
    return %3
    "
  `)
})

test('siblings and small sweeps of other shapes join', () => {
  const graph = graphOf((b) => {
    const [v, w, zero] = [b.input(dense([2, 2])), b.input(dense([3])), b.input(dense([]))]
    const finite = [v, w].map((x) => sum(b, one(b, 'Multiply', [x, zero])))
    const squares = [v, w].map((x) => sum(b, one(b, 'Square', [x])))
    return [one(b, 'Equal', [one(b, 'AddN', finite), zero]), one(b, 'Add', squares)]
  })
  expect(passed(elementwise, graph)).toMatchInlineSnapshot(`
    "
    %3 = Elementwise(%0, %2, %1) {results: [4,6,8,10], steps: [{attributes: {}, inputs: [0,1], op: "Multiply"},{attributes: {axis: [0,1], keepDims: false}, inputs: [3], op: "Sum"},{attributes: {}, inputs: [2,1], op: "Multiply"},{attributes: {axis: [0], keepDims: false}, inputs: [5], op: "Sum"},{attributes: {}, inputs: [0], op: "Square"},{attributes: {axis: [0,1], keepDims: false}, inputs: [7], op: "Sum"},{attributes: {}, inputs: [2], op: "Square"},{attributes: {axis: [0], keepDims: false}, inputs: [9], op: "Sum"}]} : float32[], float32[], float32[], float32[]
    %4 = Elementwise(%3, %3#1, %2, %3#2, %3#3) {results: [6,7], steps: [{attributes: {}, inputs: [0,1], op: "AddN"},{attributes: {}, inputs: [5,2], op: "Equal"},{attributes: {}, inputs: [3,4], op: "Add"}]} : bool[], float32[]
    return %4, %4#1
    "
  `)
})

test('integers and booleans', () => {
  const graph = graphOf((b) => {
    const [step, ten, fine] = [b.input(dense([], 'int32')), b.input(dense([], 'int32')), b.input(dense([], 'bool'))]
    const next = one(b, 'Add', [step, one(b, 'Cast', [fine], { dtype: 'int32' })])
    const over = one(b, 'GreaterEqual', [next, ten])
    return [one(b, 'Select', [one(b, 'LogicalAnd', [over, fine]), next, step])]
  })
  expect(passed(elementwise, graph)).toMatchInlineSnapshot(`
    "
    %3 = Elementwise(%2, %0, %1) {results: [7], steps: [{attributes: {dtype: "int32"}, inputs: [0], op: "Cast"},{attributes: {}, inputs: [1,3], op: "Add"},{attributes: {}, inputs: [4,2], op: "GreaterEqual"},{attributes: {}, inputs: [5,0], op: "LogicalAnd"},{attributes: {}, inputs: [6,4,1], op: "Select"}]} : int32[]
    return %3
    "
  `)
})

test('one operation alone, and sums over some dimensions, stay', () => {
  const graph = graphOf((b) => {
    const x = b.input(dense([2, 3]))
    return [one(b, 'Sum', [one(b, 'Exp', [x])], { axis: [0], keepDims: false })]
  })
  expect(elementwise(graph)).toBe(graph)
})
