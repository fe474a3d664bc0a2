import '@tensorflow/tfjs-backend-cpu'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Graph, graphKey, type Handle, interpret, liveNodes, printGraph, type Value } from '../src/index'
import { type Block, Executor } from './support/executor'
import { type RandomGraph, randomGraphs } from './support/random-graph'

type Handles = (Handle<Block> | null)[][]

/** Records a graph's nodes one by one, as a tfjs program would, and says after each what may be released. */
function replay(
  { graph, inputs }: RandomGraph,
  executor: Executor,
  after: (handles: Handles, node: number) => void,
): Handles {
  const handles: Handles = []
  let given = 0
  graph.nodes.forEach(({ op, inputs: values, attributes, types }, node) => {
    const operands = values.map((value) => value && handles[value.node]![value.output]!)
    const { shape, dtype } = types[0]!
    handles.push(
      op === 'Input'
        ? [executor.recorder.leaf(executor.block(inputs[given++]!), shape, dtype)]
        : executor.recorder.record(op, operands, attributes),
    )
    after(handles, node)
  })
  return handles
}

/** For each node, the values that no later node and no output reads. */
function lastReads({ nodes, outputs }: Graph): Value[][] {
  const last = new Map<string, [number, Value]>()
  nodes.forEach(({ types, inputs }, node) => {
    for (const output of types.keys()) last.set(`${node}.${output}`, [node, { node, output }])
    for (const value of inputs) if (value) last.set(`${value.node}.${value.output}`, [node, value])
  })
  for (const { node, output } of outputs) last.delete(`${node}.${output}`)
  const reads: Value[][] = nodes.map(() => [])
  for (const [node, value] of last.values()) reads[node]!.push(value)
  return reads
}

test('whatever is released and flushed when, live values are right, each node is computed once at most, and nothing stays held', () => {
  const flushes = fc.array(fc.constantFrom<'none' | 'all' | 'wanted'>('none', 'none', 'none', 'all', 'wanted'), {
    minLength: 1,
  })
  fc.assert(
    fc.property(randomGraphs(), flushes, (random, when) => {
      const executor = new Executor()
      const { graph, inputs } = random
      const doomed = lastReads(graph)
      const live = new Set<Handle<Block>>()
      const handles = replay(random, executor, (handles, node) => {
        for (const handle of handles[node]!) live.add(handle!)
        for (const value of doomed[node]!) {
          const handle = handles[value.node]![value.output]!
          executor.recorder.release(handle)
          live.delete(handle)
        }
        const flush = when[node % when.length]
        if (flush === 'all') executor.flush()
        if (flush === 'wanted') executor.flush([...live].filter(({ leaf }) => leaf === undefined).slice(-2))
      })
      const expected = interpret(graph, inputs)
      graph.outputs.forEach(({ node, output }, i) => {
        expect(executor.read(handles[node]![output]!)).toEqual(expected[i])
      })
      for (const handle of live) executor.recorder.release(handle)
      expect(executor.held).toBe(0)
      expect(executor.recorder.size).toBe(0)

      const computed = executor.runs.flatMap(({ graph }) => graph.nodes.filter(({ op }) => op !== 'Input'))
      const needed = liveNodes(graph)
      expect(computed.length).toBeLessThanOrEqual(graph.nodes.filter(({ op }) => op !== 'Input').length)
      if (when.every((flush) => flush === 'none'))
        expect(computed.length).toBe(graph.nodes.filter(({ op }, i) => op !== 'Input' && needed[i]).length)
      for (const run of executor.runs) {
        expect(run.key).toBe(graphKey(run.graph))
        expect(liveNodes(run.graph)).not.toContain(false)
      }
    }),
  )
})

test('what was released and nothing reads is not computed', () => {
  const executor = new Executor()
  const { recorder } = executor
  const x = recorder.leaf(executor.block(Float32Array.of(1, 4)), [2], 'float32')
  const [root] = recorder.record('Sqrt', [x], {})
  const [unused] = recorder.record('Exp', [root!], {})
  const [square] = recorder.record('Square', [root!], {})
  recorder.release(root!)
  recorder.release(unused!)
  expect([...executor.read(square!)]).toEqual([1, 4])
  expect(printGraph(executor.runs[0]!.graph)).toMatchInlineSnapshot(`
    "%0 = Input() : float32[2]
    %1 = Sqrt(%0) : float32[2]
    %2 = Square(%1) : float32[2]
    return %2
    "
  `)
})

test('a leaf stays held for the nodes that read it when its tensor is gone', () => {
  const executor = new Executor()
  const { recorder } = executor
  const x = recorder.leaf(executor.block(Float32Array.of(3)), [1], 'float32')
  const [y] = recorder.record('Neg', [x], {})
  recorder.release(x)
  expect(executor.held).toBe(1)
  expect([...executor.read(y!)]).toEqual([-3])
  expect(executor.held).toBe(1) // y's own
})

test('the same step has the same key, whatever its attribute objects, and another has another', () => {
  const executor = new Executor()
  const step = (axis: number | number[], leaky: object) => {
    const { recorder } = executor
    const x = recorder.leaf(executor.block(new Float32Array(6)), [2, 3], 'float32')
    const [y] = recorder.record('LeakyRelu', [x], { ...leaky })
    const [z] = recorder.record('Sum', [y!], { axis, keepDims: false })
    for (const handle of [x, y!]) recorder.release(handle)
    executor.flush()
    recorder.release(z!)
    return executor.runs.at(-1)!.key
  }
  const key = step([0, 1], { alpha: 0.25 })
  expect(step([0, 1], { alpha: 0.25 })).toBe(key)
  expect(step([1, 0], { alpha: 0.25 })).toBe(key) // the axes in order
  expect(step([-1, -2], { alpha: 0.25, more: undefined })).toBe(key)
  expect(step([0], { alpha: 0.25 })).not.toBe(key)
  expect(step([0, 1], { alpha: 0.5 })).not.toBe(key)
  expect(step([0, 1], { alpha: 0 })).not.toBe(step([0, 1], { alpha: -0 }))
})

test('a view of a handle is read under its shape', () => {
  const executor = new Executor()
  const { recorder } = executor
  const x = recorder.leaf(executor.block(Float32Array.of(1, 2, 3, 4)), [4], 'float32')
  const [y] = recorder.record('Sum', [x], { axis: 0, keepDims: false }, [[2, 2]])
  expect([...executor.read(y!)]).toEqual([4, 6])
  recorder.release(x)
  recorder.release(y!)
  expect(executor.held).toBe(0)
})

test('a node whose inputs do not fit is refused, and nothing is noted', () => {
  const executor = new Executor()
  const { recorder } = executor
  const x = recorder.leaf(executor.block(new Float32Array(4)), [4], 'float32')
  const y = recorder.leaf(executor.block(new Float32Array(3)), [3], 'float32')
  expect(() => recorder.record('Add', [x, y], {})).toThrow(
    'Add: got float32[4] and float32[3], expected shapes that broadcast together',
  )
  expect(recorder.size).toBe(0)
  expect(recorder.flush()).toBeUndefined()
})

test('a handle that is released twice, or resolved without a flush, is an error', () => {
  const executor = new Executor()
  const { recorder } = executor
  const x = recorder.leaf(executor.block(new Float32Array(1)), [1], 'float32')
  recorder.release(x)
  expect(() => recorder.release(x)).toThrow('released twice, expected once')
  const y = recorder.leaf(executor.block(new Float32Array(1)), [1], 'float32')
  const [z] = recorder.record('Neg', [y], {})
  expect(() => recorder.resolve(z!, executor.block(new Float32Array(1)))).toThrow('not flushed')
})

test('attributes that change for ever are forgotten now and then; keys stay right and are never given twice', () => {
  const executor = new Executor()
  const { recorder } = executor
  const keyOf = (value: number) => {
    const [x] = recorder.record('Fill', [], { shape: [], value, dtype: 'float32' })
    const flushed = recorder.flush()!
    if (value % 10_000 === 0) expect(flushed.key).toBe(graphKey(flushed.graph))
    recorder.resolve(x!, executor.block(Float32Array.of(value)))
    recorder.release(x!)
    return flushed.key
  }
  const keys = new Set<string>()
  const count = 50_000 // each is a number, an object and a node that are new
  for (let value = 0; value < count; value++) keys.add(keyOf(value))
  expect(keys.size).toBe(count)
  expect(keys.has(keyOf(0))).toBe(false) // 0 was forgotten
  expect(keyOf(count - 1)).toBe([...keys].at(-1)) // the last was not
})
