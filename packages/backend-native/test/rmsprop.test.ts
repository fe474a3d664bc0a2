import * as tf from '@tensorflow/tfjs-core'
import { expectNoLeak } from '@unet-internal/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectEach } from './support/compare'
import { loadNative, onEveryInstructionSet } from './support/native'
import { runInstruction } from './support/program'
import { randomFloats } from './support/random'

beforeAll(loadNative)

const options = { decay: 0.9, momentum: 0.8, epsilon: 1e-10 }
const learningRate = 1e-3
const f = Math.fround

/** One step, each operation rounded to float32 as TensorFlow's kernel does. */
function step([variable, meanSquare, meanGradient, momentum]: number[], gradient: number): number[] {
  const fresh = f(1 - f(options.decay))
  const ms = f(meanSquare! + f(f(f(gradient * gradient) - meanSquare!) * fresh))
  const mg = f(meanGradient! + f(f(gradient - meanGradient!) * fresh))
  const root = f(Math.sqrt(f(f(ms - f(mg * mg)) + f(options.epsilon))))
  const velocity = f(f(momentum! * f(options.momentum)) + f(f(gradient * f(learningRate)) / root))
  return [f(variable! - velocity), ms, mg, velocity]
}

const names = ['variable', 'meanSquare', 'meanGradient', 'momentum']

function inputs(count: number) {
  const state = names.map((_, i) => randomFloats(count, i + 1))
  state[1] = state[1]!.map((x) => 1 + Math.abs(x)) // ms ≥ mg²
  return { state, gradient: randomFloats(count, 9) }
}

function run({ state, gradient }: ReturnType<typeof inputs>, condition: boolean) {
  const tensors = Object.fromEntries(names.map((name, i) => [name, tf.tensor(state[i]!)]))
  const out = tf.engine().runKernel(
    'ApplyCenteredRMSProp',
    {
      ...tensors,
      gradient: tf.tensor(gradient),
      learningRate: tf.scalar(learningRate),
      condition: tf.scalar(condition, 'bool'),
    },
    options,
  )
  return out as tf.Tensor[]
}

describe('ApplyCenteredRMSProp', () => {
  it.each([1, 7, 100, 20_003])('rounds each operation as TensorFlow does (%i values)', (count) => {
    const given = inputs(count)
    const want = Array.from(given.gradient, (g, i) =>
      step(
        given.state.map((values) => values[i]!),
        g,
      ),
    )
    names.forEach((name, k) => {
      const compute = () => tf.tidy(() => run(given, true)[k]!.dataSync() as Float32Array)
      for (const [isa, got] of onEveryInstructionSet(compute))
        expectEach(
          got,
          want.map((values) => values[k]!),
          `${name} on ${isa}`,
        )
    })
  })

  it('leaves everything as it is, to the bit, where the condition is false', async () => {
    const given = inputs(100)
    await expectNoLeak(() => {
      const got = tf.tidy(() => run(given, false).map((t) => t.dataSync()))
      expect(got).toEqual(given.state)
    })
  })
})

describe('one step of several variables', () => {
  const sizes = [1, 20_003, 16, 300, 8192]
  const variables = sizes.map((count, i) => {
    const { state, gradient } = inputs(count)
    return { state: state.map((values) => values.map((x) => x * (1 + i))), gradient }
  })
  const [weightDecay, lossScale] = [Float32Array.of(1e-3), Float32Array.of(1024)]
  const flat = (lists: readonly (readonly Float32Array[])[]) => Float32Array.from(lists.flat().flatMap((x) => [...x]))

  /** All new states, one behind the other; over the old ones where `inPlace`. */
  function run(condition: number | null, decay: Float32Array | null, scale: Float32Array | null, inPlace = false) {
    const states = variables.map(({ state }) => state.map((values) => values.slice()))
    const outputs = inPlace ? states : states.map((state) => state.map((values) => values.slice().fill(Number.NaN)))
    runInstruction(
      'rmsprop',
      [],
      [options.decay, options.momentum, options.epsilon],
      [
        ...[Float32Array.of(learningRate), condition === null ? null : Uint8Array.of(condition), decay, scale],
        ...variables.flatMap(({ gradient }, i) => [...states[i]!, gradient]),
      ],
      outputs.flat(),
    )
    return flat(outputs)
  }

  const wanted = (gradientOf: (gradient: number, variable: number) => number) =>
    flat(
      variables.map(({ state, gradient }) => {
        const next = Array.from(gradient, (g, i) =>
          step(
            state.map((values) => values[i]!),
            gradientOf(g, state[0]![i]!),
          ),
        )
        return names.map((_, k) => Float32Array.from(next, (values) => values[k]!))
      }),
    )

  const decayed = (g: number, v: number) => f(g + f(v * weightDecay[0]!))
  const scaled = (g: number) => f(g / lossScale[0]!)
  it.each([
    ['plainly', null, null, (g: number) => g],
    ['with weight decay', weightDecay, null, decayed],
    ['with a loss scale', null, lossScale, scaled],
    ['with both', weightDecay, lossScale, (g: number, v: number) => scaled(decayed(g, v))],
  ] as const)('rounds each operation, %s', (_, decay, scale, gradientOf) => {
    const want = wanted(gradientOf)
    for (const [isa, got] of onEveryInstructionSet(() => run(1, decay, scale))) expectEach(got, want, isa)
  })

  it('may write over the old state', () => {
    const want = run(null, weightDecay, lossScale)
    for (const [isa, got] of onEveryInstructionSet(() => run(null, weightDecay, lossScale, true)))
      expectEach(got, want, isa)
  })

  it('keeps it, to the bit, where the condition is false', () => {
    const want = flat(variables.map(({ state }) => state))
    expectEach(run(0, weightDecay, null), want, 'elsewhere')
    expectEach(run(0, weightDecay, null, true), want, 'in place')
  })
})
