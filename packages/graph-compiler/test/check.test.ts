import { describe, expect, test } from 'vitest'
import { checkGraph, dense, type Graph, GraphBuilder, type Node, parseGraph, printGraph } from '../src/index'

/** x [2, 3] → Relu → Sum, with one thing changed. */
function changed(index: number, change: Partial<Node>, outputs = [{ node: 2, output: 0 }]): Graph {
  const builder = new GraphBuilder()
  const x = builder.input(dense([2, 3]))
  const [y] = builder.add('Relu', [x])
  builder.add('Sum', [y!], { axis: 1 })
  const { nodes } = builder.build([])
  return { nodes: nodes.map((node, i) => (i === index ? { ...node, ...change } : node)), outputs }
}

test('a graph that a builder made is sound', () => {
  checkGraph(changed(0, {}))
})

describe('checkGraph says node, got and expected', () => {
  const value = (node: number, output = 0) => ({ node, output })

  test.each<[string, Graph, string]>([
    [
      'a value of a later node',
      changed(1, { inputs: [value(2)] }),
      'node %1 Relu: got %2, expected a value of a node before %1',
    ],
    [
      'a value of no output',
      changed(2, { inputs: [value(1, 1)] }),
      'node %2 Sum: got %1#1, expected one of the 1 outputs of %1',
    ],
    [
      'an unknown operation',
      changed(1, { op: 'Rely' }),
      'node %1 Rely: got an unknown operation, expected one of the table',
    ],
    ['too many inputs', changed(1, { inputs: [value(0), value(0)] }), 'node %1 Relu: got 2 inputs, expected 1: x'],
    ['an input left out', changed(1, { inputs: [null] }), 'node %1 Relu: got no x, expected the inputs x'],
    [
      'another shape',
      changed(1, { types: [dense([3, 2])] }),
      'node %1 Relu: got output float32[3,2], expected float32[2,3]',
    ],
    [
      'another dtype',
      changed(1, { types: [dense([2, 3], 'int32')] }),
      'node %1 Relu: got output int32[2,3], expected float32[2,3]',
    ],
    ['too few outputs', changed(1, { types: [] }), 'node %1 Relu: got 0 outputs, expected 1'],
    [
      'a layout where there is none',
      changed(1, { types: [{ shape: [2, 3], dtype: 'float32', layout: 'blocked' }] }),
      'node %1 Relu: got output float32[2,3] blocked, expected blocked only for float32 [n, h, w, c]',
    ],
    [
      'attributes in another form',
      changed(2, { attributes: { axis: -1, keepDims: false } }),
      'node %2 Sum: got attributes {axis: -1, keepDims: false}, expected their canonical form {axis: [1], keepDims: false}',
    ],
    [
      'an input with inputs',
      changed(0, { inputs: [value(0)] }),
      'node %0 Input: got %0, expected a value of a node before %0',
    ],
    [
      'an output that is not there',
      changed(0, {}, [value(3)]),
      'output %3: got %3, expected a value of a node before %3',
    ],
  ])('%s', (_, graph, message) => {
    expect(() => checkGraph(graph)).toThrow(message)
  })

  test('a dense operation with a blocked input', () => {
    const builder = new GraphBuilder()
    const [x] = builder.add('ToBlocked', [builder.input(dense([1, 4, 4, 16]))])
    expect(() => builder.add('Transpose', [x!], { perm: [0, 2, 1, 3] })).toThrow(
      'Transpose: got float32[1,4,4,16] blocked, expected dense: convert it with ToDense',
    )
  })
})

describe('the table refuses, with got and expected', () => {
  const types = {
    matrix: dense([2, 3]),
    vector: dense([4]),
    whole: dense([2, 3], 'int32'),
    image: dense([1, 4, 4, 3]),
    filter: dense([3, 3, 2, 5]),
    flags: dense([2, 3], 'bool'),
  }
  type Name = keyof typeof types
  const SAME = { strides: 1, pad: 'same' }

  test.each<[string, Name[], object, string]>([
    ['Add', ['matrix', 'vector'], {}, 'Add: got float32[2,3] and float32[4], expected shapes that broadcast together'],
    ['Add', ['matrix', 'whole'], {}, 'Add: got float32[2,3] and int32[2,3], expected one dtype'],
    ['ReluGrad', ['matrix', 'vector'], {}, 'ReluGrad: got dy float32[2,3] and y float32[4], expected one shape'],
    ['Select', ['matrix', 'matrix', 'matrix'], {}, 'Select: got condition float32[2,3]'],
    ['AddN', ['matrix', 'matrix', 'vector'], {}, 'AddN: got float32[2,3] and float32[4], expected one type'],
    ['Cast', ['matrix'], {}, 'Cast: got no attribute dtype, expected dtype'],
    [
      'Concat',
      ['matrix', 'vector'],
      { axis: 1 },
      'Concat: got float32[2,3] and float32[4], expected one type, but for the size of dimension 1',
    ],
    ['Reshape', ['matrix'], { shape: [4, 2] }, 'Reshape: got float32[2,3] and shape [4,2], expected one of 6 values'],
    [
      'Transpose',
      ['matrix'],
      { perm: [0, 0] },
      'Transpose: got perm [0,0] of float32[2,3], expected each dimension once',
    ],
    ['Tile', ['matrix'], { reps: [2] }, 'Tile: got 1 repetitions for float32[2,3], expected 2'],
    [
      'PadV2',
      ['matrix'],
      { paddings: [[1, 1]], constantValue: 0 },
      'PadV2: got 1 pairs of paddings for float32[2,3], expected 2',
    ],
    [
      'BatchMatMul',
      ['matrix', 'matrix'],
      { transposeA: false, transposeB: false },
      'BatchMatMul: got inner sizes 3 of float32[2,3] and 2 of float32[2,3], expected one',
    ],
    [
      'Conv2D',
      ['image', 'filter'],
      SAME,
      'Conv2D: got x [1,4,4,3] and filter [3,3,2,5], expected as many channels in both (NHWC)',
    ],
    ['Conv2D', ['matrix', 'filter'], SAME, 'Conv2D: got x [2,3], expected four dimensions'],
    ['Conv2D', ['image', 'filter'], { strides: 1 }, 'Conv2D: got no attribute pad, expected strides, pad'],
    [
      'Convolution',
      ['filter', 'vector', 'image'],
      {},
      'Convolution: got filter [3,3,2,5], expected [height, width, 3, out]',
    ],
    [
      'ConvolutionInputGradient',
      ['image', 'filter'],
      { channels: [2], upsampled: false },
      'ConvolutionInputGradient: got dy float32[1,4,4,3], expected 5 channels',
    ],
    [
      'MaxPoolJoinGradient',
      ['image', 'image', 'image'],
      { masked: true },
      'MaxPoolJoinGradient: got pooled float32[1,4,4,3], expected [1,2,2,3]',
    ],
    ['ToBlocked', ['matrix'], {}, 'ToBlocked: got float32[2,3], expected float32[n,h,w,c] dense'],
    [
      'Elementwise',
      ['matrix'],
      { steps: [{ op: 'Transpose', inputs: [0], attributes: { perm: [1, 0] } }], results: [1] },
      'Elementwise: got a step Transpose, expected an elementwise operation, Sum or Mean',
    ],
    [
      'Elementwise',
      ['matrix'],
      { steps: [{ op: 'Relu', inputs: [1], attributes: {} }], results: [1] },
      'Elementwise: got value 1, expected one of the 1 before it',
    ],
    ['Nothing', [], {}, 'got operation Nothing, expected one of the table'],
  ])('%s of %s', (op, inputs, attributes, message) => {
    const builder = new GraphBuilder()
    const values = inputs.map((name) => builder.input(types[name]))
    expect(() => builder.add(op, values, { ...attributes })).toThrow(message)
  })
})

describe('parseGraph', () => {
  test('reads what printGraph wrote', () => {
    const text = [
      '%0 = Input() {name: "a \\"name\\""} : float32[2,3]',
      '%1 = SplitV(%0) {axis: 1, numOrSizeSplits: [1,2]} : float32[2,1], float32[2,2]',
      '%2 = Fill() {dtype: "float32", shape: [], value: -0} : float32[]',
      '%3 = Multiply(%1#1, %2) : float32[2,2]',
      'return %3, %1\n',
    ].join('\n')
    const graph = parseGraph(text)
    checkGraph(graph)
    expect(printGraph(graph)).toBe(text)
    expect(graph.nodes[2]!.attributes.value).toBe(-0)
  })

  test.each([
    ['%1 = Input() : float32[2]', 'line 1: got "%1 = Input() : float32[2]", expected %0'],
    ['%0 = Input( : float32[2]', 'line 1: got ": float32[2]", expected %'],
    ['%0 = Input() : float[2]', 'line 1: got "float[2]", expected a dtype'],
    ['%0 = Input() : float32[2] dense', 'line 1: got "dense", expected the end of the line'],
    ['%0 = Input() : float32[2]', 'line 2: got the end, expected return'],
    ['return _', 'line 1: got the end, expected a value'],
  ])('%s', (text, message) => {
    expect(() => parseGraph(text)).toThrow(message)
  })
})
