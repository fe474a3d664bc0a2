import '@tensorflow/tfjs-backend-cpu'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkGraph,
  costOf,
  defineOperation,
  dense,
  expandGraph,
  type Graph,
  GraphBuilder,
  graphKey,
  inputNodes,
  interpret,
  liveNodes,
  operation,
  parseGraph,
  printGraph,
  prune,
  renumber,
  replaceValues,
  rewrite,
  sameValue,
  subgraph,
  usesOf,
} from '../src/index'
import { randomGraphs } from './support/random-graph'

const graph = parseGraph(`
%0 = Input() : float32[4]
%1 = Input() : float32[4]
%2 = Neg(%0) : float32[4]
%3 = Exp(%1) : float32[4]
%4 = Add(%2, %2) : float32[4]
%5 = Abs(%3) : float32[4]
return %4, %2
`)

describe('helpers for passes', () => {
  test('usesOf', () => {
    const uses = usesOf(graph)
    expect(uses({ node: 2, output: 0 })).toEqual([
      { node: 4, input: 0 },
      { node: 4, input: 1 },
      { node: null, input: 1 },
    ])
    expect(uses({ node: 5, output: 0 })).toEqual([])
  })

  test('liveNodes, inputNodes, prune: inputs stay', () => {
    expect(liveNodes(graph)).toEqual([true, false, true, false, true, false])
    expect(inputNodes(graph)).toEqual([0, 1])
    expect(printGraph(prune(graph))).toBe(
      '%0 = Input() : float32[4]\n%1 = Input() : float32[4]\n%2 = Neg(%0) : float32[4]\n%3 = Add(%2, %2) : float32[4]\nreturn %3, %2\n',
    )
    const pruned = prune(graph)
    expect(prune(pruned)).toBe(pruned)
  })

  test('replaceValues', () => {
    const replaced = replaceValues(graph, (value) =>
      sameValue(value, { node: 2, output: 0 }) ? { node: 1, output: 0 } : undefined,
    )
    expect(printGraph(replaced)).toBe(
      '%0 = Input() : float32[4]\n%1 = Input() : float32[4]\n%2 = Add(%1, %1) : float32[4]\nreturn %2, %1\n',
    )
  })

  test('renumber refuses an order that lacks something', () => {
    expect(() => renumber(graph, [0, 1, 4])).toThrow('got an order without node %2')
  })

  test('rewrite: double negatives go', () => {
    const twice = parseGraph(
      '%0 = Input() : float32[4]\n%1 = Neg(%0) : float32[4]\n%2 = Neg(%1) : float32[4]\n%3 = Exp(%2) : float32[4]\nreturn %3',
    )
    const without = rewrite(twice, ({ op, inputs }, _, builder) => {
      const source = op === 'Neg' ? builder.node(inputs[0]!) : undefined
      return source?.op === 'Neg' ? [source.inputs[0]!] : undefined
    })
    expect(printGraph(without)).toBe('%0 = Input() : float32[4]\n%1 = Exp(%0) : float32[4]\nreturn %1\n')
  })

  test('keep what a graph computes', () => {
    fc.assert(
      fc.property(randomGraphs(), fc.nat(), ({ graph, inputs }, choice) => {
        const expected = interpret(graph, inputs)
        const same = (other: Graph, given = inputs) => {
          checkGraph(other)
          expect(interpret(other, given)).toEqual(expected)
        }
        expect(graphKey(rewrite(graph, () => undefined))).toBe(graphKey(prune(graph)))
        same(prune(graph))
        same(expandGraph(graph))
        same(renumber(graph, orderByDepth(graph)))

        // Cut in two, each half a graph of its own.
        const border = choice % (graph.nodes.length + 1)
        const late = subgraph(graph, graph.outputs, (node) => node >= border)
        const early = subgraph(graph, late.inputs)
        const given = new Map(inputNodes(graph).map((node, i) => [node, inputs[i]!]))
        const between = interpret(
          early.graph,
          early.inputs.map(({ node }) => given.get(node)!),
        )
        same(late.graph, between)
      }),
    )
  })
})

/** Another order in which the nodes can run. */
function orderByDepth({ nodes }: Graph): number[] {
  const depth: number[] = []
  for (const { op, inputs } of nodes)
    depth.push(op === 'Input' ? 0 : 1 + Math.max(0, ...inputs.map((value) => (value ? depth[value.node]! : 0))))
  return [...nodes.keys()].sort((a, b) => depth[a]! - depth[b]! || a - b)
}

describe('costOf', () => {
  const cost = (op: string, shapes: number[][], attributes: object, blocked = false) => {
    const builder = new GraphBuilder()
    const inputs = shapes.map((shape) => builder.input(dense(shape)))
    const operands = blocked ? inputs.map((input) => builder.add('ToBlocked', [input])[0]!) : inputs
    const [value] = builder.add(op, operands, { ...attributes }, blocked ? ['blocked'] : undefined)
    return costOf(builder.build([]), value!.node)
  }

  test('of a convolution: two for each multiplication and addition; each operand once', () => {
    const attributes = { activation: 'linear', upsampled: false, pooled: false }
    expect(cost('Convolution', [[3, 3, 16, 32], [32], [2, 8, 8, 16]], attributes)).toEqual({
      flops: 2 * 2 * 8 * 8 * 32 * 9 * 16 + 2 * 2 * 8 * 8 * 32,
      bytes: 4 * (3 * 3 * 16 * 32 + 32 + 2 * 8 * 8 * 16 + 2 * 8 * 8 * 32),
    })
  })

  test('of blocked values: with border and rounded channels', () => {
    expect(cost('Relu', [[1, 6, 8, 3]], {}, true)).toEqual({ flops: 6 * 8 * 3, bytes: 2 * 4 * 16 * (8 + 2) * (8 + 2) })
  })

  test('of inputs and views: none', () => {
    expect(cost('Reshape', [[4, 4]], { shape: [16] })).toEqual({ flops: 0, bytes: 0 })
  })
})

test('an operation of one’s own: inferred, checked, expanded', () => {
  defineOperation(
    operation({
      name: 'Cube',
      inputs: ['x'],
      kind: 'elementwise',
      infer: ({ x }) => dense(x.shape),
      expand: (graph, { x }) => graph.add('Multiply', [x, graph.add('Square', [x])[0]!]),
    }),
  )
  const builder = new GraphBuilder()
  const graph = builder.build(builder.add('Cube', [builder.input(dense([2]))]))
  checkGraph(graph)
  expect(interpret(graph, [Float32Array.of(2, -3)])).toEqual([Float32Array.of(8, -27)])
})
