import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectClose } from '@unet-internal/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import '../../src'
import type { TrainCase, TrainResult } from '../programs/optimizer_train'
import { runRanks } from '../support/ranks'
import { BATCH, disposeOptimizer, type OptimizerName, optimizers, smallModel } from '../support/small_model'

/** Float32 rounding of a few steps, in sums of another order. */
const ROUNDING = { relative: 1e-5, absolute: 2e-6 }
const MIB = 2 ** 20

const cases: Record<string, TrainCase> = {
  ...Object.fromEntries(
    (Object.keys(optimizers) as OptimizerName[]).map((optimizer) => [optimizer, { optimizer, steps: 4 }]),
  ),
  'op Sum': { optimizer: 'sgd', steps: 4, options: { op: 'Sum' } },
  'op Min': { optimizer: 'sgd', steps: 4, options: { op: 'Min' } },
  'op Max': { optimizer: 'sgd', steps: 4, options: { op: 'Max' } },
  'op Product': { optimizer: 'sgd', steps: 4, options: { op: 'Product' } },
  gradientPredivideFactor: { optimizer: 'sgd', steps: 4, options: { gradientPredivideFactor: 3 } },
  backwardPassesPerStep: { optimizer: 'adam', steps: 3, options: { backwardPassesPerStep: 2 } },
  averageAggregatedGradients: {
    optimizer: 'sgd',
    steps: 3,
    options: { backwardPassesPerStep: 2, averageAggregatedGradients: true },
  },
  'two buckets': { optimizer: 'adam', steps: 4, options: { bucketBytes: 130 } }, // of 12 + 84 + 28 bytes, and of 140
  'two buckets of unlisted variables': { optimizer: 'adam', steps: 4, options: { bucketBytes: 130 }, unlisted: true },
  'each alone': { optimizer: 'adam', steps: 4, options: { bucketBytes: 0 } },
  fp16: { optimizer: 'sgd', steps: 4, options: { compression: 'fp16' } },
  bf16: { optimizer: 'sgd', steps: 4, options: { compression: 'bf16' } },
}
const buckets = (bucketBytes = 64 * MIB) => (bucketBytes === 0 ? 4 : bucketBytes < 264 ? 2 : 1)

/** What one process computes that has all ranks' examples. */
function reference({ optimizer: name, options = {}, steps }: TrainCase, size: number): number[] {
  const { op = 'Average', backwardPassesPerStep: passes = 1, averageAggregatedGradients = false } = options
  const model = smallModel(0) // rank 0's, which all get
  const optimizer = optimizers[name]()
  const factor = averageAggregatedGradients ? 1 : passes
  for (let step = 0; step < steps; step++) {
    if (op === 'Average' || op === 'Sum') {
      const whole = () => tf.mul<tf.Scalar>(model.loss(step), op === 'Sum' ? factor * size : factor)
      optimizer.minimize(whole, false, model.variables)
      continue
    }
    tf.tidy(() => {
      const share = BATCH / size
      const ranks = Array.from(
        { length: size },
        (_, rank) => tf.variableGrads(() => model.loss(step, rank * share, (rank + 1) * share), model.variables).grads,
      )
      const reduce = { Min: tf.minimum, Max: tf.maximum, Product: tf.mul }[op]
      const reduced = ranks[0]!
      for (const grads of ranks.slice(1))
        for (const name of Object.keys(reduced)) reduced[name] = reduce(reduced[name]!, grads[name]!)
      optimizer.applyGradients(Object.entries(reduced).map(([name, tensor]) => ({ name, tensor })))
    })
  }
  const values = model.values()
  model.dispose()
  disposeOptimizer(optimizer)
  return values
}

const outputs = async <T>(program: string, size: number, args: string[] = [], environment = {}): Promise<T[]> => {
  const ranks = await runRanks({ size, program, args, environment })
  for (const { rank, code, stderr } of ranks) expect({ rank, code, stderr }).toMatchObject({ rank, code: 0 })
  return ranks.map(({ stdout }) => JSON.parse(stdout) as T)
}

describe.each([2, 3, 4])('%i ranks train a small model', (size) => {
  const results: Record<string, TrainResult[]> = {}
  beforeAll(async () => {
    const ranks = await outputs<TrainResult[]>('optimizer_train', size, [JSON.stringify(Object.values(cases))])
    for (const [i, name] of Object.keys(cases).entries()) results[name] = ranks.map((rank) => rank[i]!)
  }, 60_000)

  test.each(Object.keys(cases))('%s', (name) => {
    const each = cases[name]!
    const ranks = results[name]!
    for (const { values } of ranks) expect(values).toEqual(ranks[0]!.values) // to the bit
    expect(ranks[0]!.values.every(Number.isFinite)).toBe(true)
    const { compression, bucketBytes, backwardPassesPerStep: passes = 1 } = each.options ?? {}
    const halfRounding = { fp16: 2 ** -11, bf16: 2 ** -8, none: 0 }[compression ?? 'none'] // of gradients below 1, at rate 0.1
    const tolerance = { ...ROUNDING, absolute: ROUNDING.absolute + each.steps * 0.1 * halfRounding }
    expectClose(ranks[0]!.values, reference(each, size), tolerance, name)
    if (compression) expect(ranks[0]!.values).not.toEqual(results.sgd![0]!.values)

    const reads = Array.from({ length: each.steps * passes }, (_, i) => ((i + 1) % passes ? 0 : buckets(bucketBytes)))
    for (const rank of ranks) expect({ reads: rank.reads, leaked: rank.leaked }).toEqual({ reads, leaked: 0 })
  })
})

test("the timeline shows a step's parts between the operations", async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'timeline-')), 'trace.json')
  const train: TrainCase = { optimizer: 'adam', steps: 2, options: { backwardPassesPerStep: 2 } }
  await outputs('optimizer_train', 2, [JSON.stringify([train])], { HOROVOD_TIMELINE: file })
  interface Event {
    ph: string
    name: string
    ts: number
    dur: number
  }
  const events: Event[] = JSON.parse(readFileSync(file, 'utf8'))
  const parts = events.filter(({ ph, name }) => ph === 'X' && ['BACKWARD', 'REDUCE', 'UPDATE'].includes(name))
  const step = ['BACKWARD', 'BACKWARD', 'REDUCE', 'UPDATE'] // two passes
  expect(parts.map(({ name }) => name)).toEqual([...step, ...step])
  for (const [i, { ts, dur }] of parts.entries()) {
    expect(dur).toBeGreaterThanOrEqual(0)
    if (i > 0) expect(ts).toBeGreaterThanOrEqual(parts[i - 1]!.ts + parts[i - 1]!.dur - 1)
  }
})

test.each([1, 2, 3])('buckets of any size give the same bits (seed %i)', async (seed) => {
  const ranks = await runRanks({ size: 2, program: 'optimizer_random', args: [String(seed), '25'] })
  for (const { rank, code, stdout, stderr } of ranks)
    expect({ rank, code, stdout, stderr }).toMatchObject({ code: 0, stdout: '25 cases, 0 tensors\n' })
})

test('a gradient that only some ranks have is an error on all, which names its variable; training may go on', async () => {
  const ranks = await outputs<{ raised: Record<string, string>; a: number[]; tensors: number }>('optimizer_missing', 3)
  for (const { raised, a, tensors } of ranks) {
    for (const where of ['inOneBucket', 'alone']) expect(raised[where]).toMatch(/\bb\b/)
    expect(raised.otherName).toMatch(/more.*extra|extra.*more/)
    expect(raised.otherShape).toMatch(/shaped.*1,2.*2,1|shaped.*2,1.*1,2/)
    expect([raised.nowhere, raised.after]).toEqual(['no error', 'no error'])
    expect(a).toEqual([1 - 2, 1 - 2]) // two steps were right
    expect(tensors).toBe(5)
  }
})

test('where one rank has an infinite gradient all skip the step, and agree', async () => {
  interface Step {
    values: number[]
    scale: number
    skipped: number
  }
  const ranks = await outputs<{ name: string; steps: Step[] }[]>('optimizer_finite', 2)
  expect(ranks[1]).toEqual(ranks[0])
  for (const { steps } of ranks[0]!) {
    expect(steps.map(({ skipped }) => skipped)).toEqual([0, 1, 1, 1])
    expect(steps.map(({ scale }) => scale)).toEqual([1024, 512, 512, 512])
    expect(steps[1]!.values).toEqual(steps[0]!.values)
    expect(steps[2]!.values).not.toEqual(steps[1]!.values)
    expect(steps.flatMap(({ values }) => values).every(Number.isFinite)).toBe(true)
  }
})

test('metrics are averaged in float64, weighted where asked; names that differ are an error that has both', async () => {
  const ranks = await outputs<
    Record<string, Record<string, number>> & { mismatch: string; warm: number; tensors: number }
  >('optimizer_metrics', 3)
  for (const { plain, weighted, logs, mismatch, warm, tensors } of ranks) {
    expect(plain).toEqual({ loss: 1.5, big: 2 ** 40 + 1, dice: (0 + 1 / 3 + 2 / 3) / 3 })
    expect(weighted).toEqual({ loss: (0.5 + 3 * 2.5) / 4, none: 7 })
    expect(logs).toEqual({ loss: 1 })
    expect(warm).toBe(3)
    expect(mismatch).toMatch(/loss/)
    expect(mismatch).toMatch(/dice/)
    expect(tensors).toBe(0)
  }
})

test("tfjs-layers' fit stops early on all ranks at once, by the average", async () => {
  const ranks = await outputs<{ loss: number[]; after: number[] }>('optimizer_layers', 2)
  expect(ranks[0]).toEqual(ranks[1])
  const [{ loss, after }] = ranks as [(typeof ranks)[0]]
  const expected = (step: number) => 1 + 4 * 0.64 ** step // the mean of (w − 1)² and (w − 3)², w = 2 − 2·0.8^step
  expect(loss.length).toBe(10) // the first that is less than 0.05 better
  for (const [step, value] of [...loss, ...after].entries()) expect(value).toBeCloseTo(expected(step), 5)
})

test("all take over the root's state, whoever has one", async () => {
  interface State {
    name: string
    trained: 'root' | 'others' | 'all'
    taken: number[]
    after: number[]
    state: [name: string, ...values: number[]][]
    learningRate: number
    leaked: number
  }
  const ranks = await outputs<State[]>('optimizer_state', 2)
  expect(ranks[0]).toEqual(ranks[1])
  for (const { name, trained, taken, after, state, learningRate, leaked } of ranks[0]!) {
    const what = `${name}, ${trained} trained`
    expect({ what, learningRate, leaked }).toEqual({ what, learningRate: 0.02, leaked: 0 })
    expect(after).not.toEqual(taken)
    const steps = state.find(([slot]) => ['iter', 'step'].includes(slot))!
    expect({ what, steps }).toEqual({ what, steps: [steps[0], trained === 'others' ? 3 : 34] }) // 31 of the root, 3 together
    const root = smallModel(1)
    const sgd = root.values()
    if (trained === 'others') expect(taken).toEqual(sgd)
    root.dispose()
  }
})
