import * as tf from '@tensorflow/tfjs-core'
import { expectClose, expectNoLeak, stream, type Tolerance, uniforms } from '@unet-internal/testing'
import type { RMSPropCentered } from '../src'

/** A variable of rmsprop.json and its likes: what its gradient does, and the state after some steps. */
export interface VariableGolden {
  name: string
  shape: number[]
  initial: { stream: string; low: number; high: number }
  gradient:
    | { kind: 'constant'; values: number[] }
    | { kind: 'uniform' | 'bursts'; stream: string; low: number; high: number; period?: number }
  tolerance: Record<string, Tolerance>
  at: Record<string, Record<string, number[]>>
}

const SLOTS: Record<string, string> = { rms: 'meanSquare', mg: 'meanGradient', momentum: 'momentum' }

/** The gradients of every step, in turn. */
function gradientsOf({ gradient, shape }: Pick<VariableGolden, 'gradient' | 'shape'>, seed: number) {
  const size = tf.util.sizeFromShape(shape)
  if (gradient.kind === 'constant') return () => Float32Array.from(gradient.values)
  const next = stream(seed, gradient.stream)
  return (step: number) => {
    const values = uniforms(next, size, gradient.low, gradient.high)
    return gradient.kind === 'bursts' && step % gradient.period! !== 0 ? values.fill(0) : values
  }
}

/** Variable and slots, by the goldens' names. */
export async function stateOf(optimizer: RMSPropCentered, variable: tf.Variable) {
  const slots = (await optimizer.getWeights()).slice(1).map(({ name, tensor }) => {
    const slot = SLOTS[name.slice(name.lastIndexOf('/') + 1)]!
    return [slot, tensor] as const
  })
  const entries = [['variable', variable as tf.Tensor] as const, ...slots]
  return Object.fromEntries(
    await Promise.all(entries.map(async ([name, tensor]) => [name, await tensor.data()] as const)),
  )
}

type State = Record<string, ArrayLike<number>>

/** Runs the optimizer along a golden's trajectory; gives the state after each recorded step. */
export async function trajectory(golden: Omit<VariableGolden, 'tolerance'>, seed: number, make: () => RMSPropCentered) {
  const { stream: name, low, high } = golden.initial
  const initial = uniforms(stream(seed, name), tf.util.sizeFromShape(golden.shape), low, high)
  const variable = tf.tidy(() => tf.variable(tf.tensor(initial, golden.shape)))
  const optimizer = make()
  const gradient = gradientsOf(golden, seed)
  const states: [step: string, state: State][] = []
  for (let step = 1; step <= Math.max(...Object.keys(golden.at).map(Number)); step++) {
    tf.tidy(() => optimizer.applyGradients({ [variable.name]: tf.tensor(gradient(step), golden.shape) }))
    if (golden.at[step]) states.push([String(step), await stateOf(optimizer, variable)])
  }
  optimizer.dispose()
  variable.dispose()
  return states
}

/** Compares a trajectory with all that its golden recorded. */
export const follow = (golden: VariableGolden, seed: number, make: () => RMSPropCentered) =>
  expectNoLeak(async () => {
    for (const [step, got] of await trajectory(golden, seed, make))
      for (const [part, want] of Object.entries(golden.at[step]!))
        expectClose(got[part]!, want, golden.tolerance[part]!, `${golden.name}, step ${step}, ${part}`)
  })
