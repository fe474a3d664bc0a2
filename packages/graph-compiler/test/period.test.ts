import '@tensorflow/tfjs-backend-cpu'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Handle, Recorder } from '../src/index'
import { trailingPeriod } from '../src/recorder/period'
import { type Block, Executor } from './support/executor'

describe('trailingPeriod', () => {
  test('finds a repeated pattern after a beginning of its own', () => {
    expect(trailingPeriod([9, 8, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1])).toEqual({ period: 3, start: 2 })
    expect(trailingPeriod([5, 5, 5, 5])).toEqual({ period: 1, start: 0 })
  })

  test('prefers what reaches further back to a short pattern at the end', () => {
    expect(trailingPeriod([1, 7, 7, 1, 7, 7, 1, 7, 7])).toEqual({ period: 3, start: 0 })
  })

  test('finds none where nothing repeats', () => {
    expect(trailingPeriod([1, 2, 3, 4, 5])).toBeUndefined()
    expect(trailingPeriod([])).toBeUndefined()
  })

  test('is what trying every period gives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2), { maxLength: 40 }), (ids) => {
        const reach = (period: number) => {
          let start = ids.length - period
          while (start > 0 && ids[start - 1] === ids[start - 1 + period]) start--
          return start
        }
        const tried = Array.from({ length: Math.floor(ids.length / 2) }, (_, i) => ({
          period: i + 1,
          start: reach(i + 1),
        }))
        const fitting = tried.filter(({ period, start }) => ids.length - start >= 2 * period)
        const best = fitting.sort((a, b) => a.start - b.start || a.period - b.period)[0]
        expect(trailingPeriod(ids)).toEqual(best)
      }),
    )
  })
})

const LIMIT = 128

/** w ← w − rate · (what the gradient might be), in a few nodes; the loss is dropped. */
function step(recorder: Recorder<Block>, w: Handle<Block>, rate: Handle<Block>, layers = 3): Handle<Block> {
  const temporary: Handle<Block>[] = []
  const add = (op: string, ...inputs: Handle<Block>[]) => {
    const handle = recorder.record(op, inputs, op === 'Sum' ? { axis: [0], keepDims: false } : {})[0]!
    temporary.push(handle)
    return handle
  }
  let x = w
  for (let i = 0; i < layers; i++) x = add('Sigmoid', add('Square', x))
  add('Sum', x)
  const next = recorder.record('Sub', [w, add('Multiply', x, rate)], {})[0]!
  for (const handle of [...temporary, w]) recorder.release(handle)
  return next
}

describe('a loop that never reads', () => {
  const loop = (
    steps: number,
    body: (executor: Executor, w: Handle<Block>, rate: Handle<Block>, i: number) => Handle<Block>,
  ) => {
    const executor = new Executor(LIMIT)
    const { recorder } = executor
    const leaf = (...values: number[]) =>
      recorder.leaf(executor.block(Float32Array.from(values)), [values.length], 'float32')
    const rate = leaf(0.5)
    let w = leaf(1, 2, 3, 4)
    let most = 0
    for (let i = 0; i < steps; i++) {
      w = body(executor, w, rate, i)
      most = Math.max(most, recorder.size)
    }
    const result = [...executor.read(w)]
    for (const handle of [w, rate]) recorder.release(handle)
    executor.flush()
    expect(executor.held).toBe(0)
    return { result, most, runs: executor.runs, keys: new Set(executor.runs.map(({ key }) => key)) }
  }

  test('runs step by step, in one graph, and gives what reading after each step gives', () => {
    const { result, most, runs, keys } = loop(200, ({ recorder }, w, rate) => step(recorder, w, rate))
    expect(most).toBeLessThanOrEqual(LIMIT)
    const nodes = runs.map(({ graph }) => graph.nodes.filter(({ op }) => op !== 'Input').length)
    expect(nodes.slice(0, -1).every((count) => count === 8)).toBe(true) // without the sum, which nothing needs
    expect(keys.size).toBeLessThanOrEqual(2) // and the rest at the end
    const read = loop(200, (executor, w, rate) => {
      const next = step(executor.recorder, w, rate)
      executor.read(next)
      return next
    })
    expect(result).toEqual(read.result)
    expect(read.keys.has(runs[0]!.key)).toBe(true) // cut between the steps
  })

  test('is found after other work, and again when it changes', () => {
    const { runs, keys } = loop(300, ({ recorder }, w, rate, i) =>
      step(recorder, w, rate, i === 0 ? 11 : i < 150 ? 3 : 5),
    )
    expect(runs.length).toBeGreaterThan(250)
    expect(keys.size).toBeLessThanOrEqual(6)
  })

  test('without a period it is run all the same, with at most four times as much pending', () => {
    let state = 1
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state >>> 24
    }
    const { most, runs } = loop(2000, ({ recorder }, w) => {
      const next = recorder.record(random() % 2 ? 'Sigmoid' : 'Tanh', [w], {})[0]!
      recorder.release(w)
      return next
    })
    expect(most).toBeLessThanOrEqual(4 * LIMIT)
    expect(runs.length).toBeGreaterThan(2)
  })

  test('of which nothing is needed runs nothing and keeps nothing', () => {
    const { most, runs } = loop(1000, ({ recorder }, w) => {
      for (const handle of recorder.record('Exp', [w], {})) recorder.release(handle)
      return w
    })
    expect(most).toBeLessThanOrEqual(LIMIT)
    expect(runs).toEqual([])
  })
})
