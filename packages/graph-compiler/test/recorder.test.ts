import '@tensorflow/tfjs-backend-cpu'
import { expect, test } from 'vitest'
import { checkGraph, dense, type Flushed, GraphBuilder, graphKey, interpret, printGraph, Recorder } from '../src/index'

test('builder, print, interpret', () => {
  const b = new GraphBuilder()
  const x = b.input(dense([1, 4, 4, 1]))
  const f = b.input(dense([3, 3, 1, 2]))
  const [y, p] = b.add('Convolution', [f, null, x], { activation: 'relu', upsampled: false, pooled: true })
  const g = b.build([y!, p!])
  checkGraph(g)
  expect(printGraph(g)).toMatchInlineSnapshot(`
    "%0 = Input() : float32[1,4,4,1]
    %1 = Input() : float32[3,3,1,2]
    %2 = Convolution(%1, _, %0) {activation: "relu", leakyreluAlpha: 0, pooled: true, upsampled: false} : float32[1,4,4,2], float32[1,2,2,2]
    return %2, %2#1
    "
  `)
  const out = interpret(g, [new Float32Array(16).fill(1), new Float32Array(18).fill(1)])
  expect(Array.from(out[1]!)).toEqual([9, 9, 9, 9, 9, 9, 9, 9])
})

test('recorder', () => {
  const holds = new Map<string, number>()
  const add = (leaf: string, n: number) => holds.set(leaf, (holds.get(leaf) ?? 0) + n)
  const runs: Flushed<string>[] = []
  let n = 0
  const run = (f: Flushed<string>) => {
    runs.push(f)
    for (const o of f.outputs) {
      const l = `out${n++}`
      add(l, 1)
      r.resolve(o, l)
    }
    for (const i of f.inputs) add(i, -1)
  }
  const r: Recorder<string> = new Recorder<string>({ retain: (l) => add(l, 1), release: (l) => add(l, -1), run }, 64)
  add('w', 1)
  let w = r.leaf('w', [4], 'float32')
  for (let i = 0; i < 40; i++) {
    const a = r.record('Relu', [w], {})[0]!
    const s = r.record('Sum', [a], { axis: null, keepDims: false })[0]!
    const nw = r.record('Add', [w, s], {})[0]!
    r.release(a)
    r.release(s)
    r.release(w)
    w = nw
  }
  const last = r.flush()!
  runs.map((f) => expect(graphKey(f.graph)).toBe(f.key))
  expect(new Set(runs.map((f) => f.key)).size).toBe(1)
  expect(printGraph(runs[0]!.graph)).toMatchInlineSnapshot(`
    "%0 = Input() : float32[4]
    %1 = Relu(%0) : float32[4]
    %2 = Sum(%1) {axis: [0], keepDims: false} : float32[]
    %3 = Add(%0, %2) : float32[4]
    return %3
    "
  `)
  run(last)
  r.release(w)
  expect([...holds].filter(([, n]) => n !== 0)).toEqual([])
})
