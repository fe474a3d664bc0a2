import * as tf from '@tensorflow/tfjs-core'
import { describeOnBackends, expectClose, golden, newerGolden, type Tolerance } from '@unet-internal/testing'
import { describe, expect, test } from 'vitest'
import { exponentialDecay, keras, pytorch, type RMSPropCenteredOptions, tensorflow1 } from '../src'
import { follow, stateOf, type VariableGolden } from './trajectory'

interface DecayConfig {
  decay_steps: number
  decay_rate: number
  staircase: boolean
}

interface Config {
  learning_rate: number
  decay: number
  momentum: number
  epsilon: number
  centered: boolean
}

const scheduleOf = (learning_rate: number, { decay_steps, decay_rate, staircase }: DecayConfig) =>
  exponentialDecay({ initialLearningRate: learning_rate, decaySteps: decay_steps, decayRate: decay_rate, staircase })

const tensorflowOptions = ({ learning_rate, ...rest }: Config, schedule: DecayConfig | null) => ({
  ...rest,
  learningRate: schedule ? scheduleOf(learning_rate, schedule) : learning_rate,
})

const rmsprop = golden<{
  cases: {
    name: string
    config: Config
    schedule: DecayConfig | null
    learning_rate_by_step?: number[]
    variables: VariableGolden[]
  }[]
  long_constant: Omit<VariableGolden, 'gradient'> & {
    config: Config
    gradient: { kind: 'constant'; values: number[] }
    finite_at: number
  }
}>('rmsprop')

const decay = golden<{
  tolerance: Tolerance
  cases: { config: DecayConfig & { learning_rate: number }; steps: number[]; values: number[] }[]
}>('decay')

describeOnBackends('tensorflow1', () => {
  for (const { name, config, schedule, variables } of rmsprop.cases)
    test.each(variables)(`${name}: $name`, (variable) =>
      follow(variable, rmsprop.seed, () => tensorflow1(tensorflowOptions(config, schedule))),
    )

  test('long constant gradients stay finite', async () => {
    const { config, gradient, finite_at, at, tolerance } = rmsprop.long_constant
    const variable = tf.variable(tf.zeros([gradient.values.length]))
    const optimizer = tensorflow1(tensorflowOptions(config, null))
    for (let step = 1; step <= finite_at; step++) {
      tf.tidy(() => optimizer.applyGradients({ [variable.name]: tf.tensor1d(gradient.values) }))
      for (const [part, want] of Object.entries(at[step] ?? {}))
        expectClose((await stateOf(optimizer, variable))[part]!, want, tolerance[part]!, `step ${step}, ${part}`)
    }
    for (const values of Object.values(await stateOf(optimizer, variable)))
      for (const value of values) expect(value).toSatisfy(Number.isFinite)
    optimizer.dispose()
    variable.dispose()
  })

  test.each(rmsprop.cases.filter(({ schedule }) => schedule))('$name: learning rate of every step', async (row) => {
    const schedule = scheduleOf(row.config.learning_rate, row.schedule!)
    for (const [step, want] of row.learning_rate_by_step!.entries()) {
      expectClose(schedule.at(step), want, decay.tolerance, `at(${step})`)
      const rate = tf.tidy(() => schedule.apply(tf.scalar(step, 'int32')))
      expectClose(await rate.data(), [want], decay.tolerance, `apply(${step})`)
      rate.dispose()
    }
  })
})

describeOnBackends('exponentialDecay', () => {
  test.each(decay.cases)('$config', async ({ config, steps, values }) => {
    const schedule = scheduleOf(config.learning_rate, config)
    const rates = tf.tidy(() => tf.stack(steps.map((step) => schedule.apply(tf.scalar(step, 'int32')))))
    expectClose(await rates.data(), values, decay.tolerance, 'apply')
    expectClose(
      steps.map((step) => schedule.at(step)),
      values,
      decay.tolerance,
      'at',
    )
    rates.dispose()
  })
})

interface FrameworkGolden {
  names: Record<string, string>
  defaults: Record<string, number | boolean>
  cases: { name: string; config: Record<string, number | boolean>; variables: VariableGolden[] }[]
}

/** A framework's configuration in our names. */
const ours = (names: FrameworkGolden['names'], config: Record<string, number | boolean>) =>
  Object.fromEntries(
    Object.entries(names).map(([our, their]) => [our, config[their]]),
  ) as Partial<RMSPropCenteredOptions>

describe.each([
  ['keras', keras, newerGolden<FrameworkGolden>('rmsprop_keras')],
  ['pytorch', pytorch, newerGolden<FrameworkGolden>('rmsprop_pytorch')],
] as const)('%s', (_, preset, { names, defaults, cases, seed }) => {
  test('has its defaults', () => {
    const optimizer = preset()
    expect(optimizer.getConfig()).toMatchObject(ours(names, defaults))
    optimizer.dispose()
  })

  describeOnBackends('trajectories', () => {
    for (const { name, config, variables } of cases)
      test.each(variables)(`${name}: $name`, (variable) => follow(variable, seed, () => preset(ours(names, config))))
  })
})
