import { expectNoLeak, golden, newerGolden, useBackend } from '@unet-internal/testing'
import { beforeAll, expect, test } from 'vitest'
import { keras, pytorch, type RMSPropCenteredOptions, tensorflow1 } from '../src'
import { trajectory, type VariableGolden } from './trajectory'

// The choices that differ by rounding alone lie within the goldens' tolerances either way. Here each preset's choice must
// lie nearer to the framework's own bits than the other choice does.

interface Golden {
  names?: Record<string, string>
  cases: { config: Record<string, number>; schedule?: object | null; variables: VariableGolden[] }[]
  seed: number
}

const TENSORFLOW = {
  learningRate: 'learning_rate',
  decay: 'decay',
  momentum: 'momentum',
  epsilon: 'epsilon',
  centered: 'centered',
}
const other = { difference: 'weighted', weighted: 'difference', float32: 'float64', float64: 'float32' } as const
type Choice = keyof typeof other

beforeAll(() => useBackend('cpu'))

/** Mean distance of the running means from the framework's, in units in the last place. */
async function distance(preset: typeof tensorflow1, { names = TENSORFLOW, cases, seed }: Golden, flipped: object) {
  let [sum, count] = [0, 0]
  for (const { config, variables } of cases.filter(({ schedule }) => !schedule))
    for (const variable of variables.filter(({ shape }) => shape.length > 1)) {
      const options = Object.fromEntries(Object.entries(names).map(([our, their]) => [our, config[their]]))
      const make = () => preset({ ...(options as unknown as RMSPropCenteredOptions), ...flipped })
      for (const [step, state] of await trajectory(variable, seed, make))
        for (const slot of ['meanSquare', 'meanGradient'])
          for (const [i, want] of (variable.at[step]![slot] ?? []).entries()) {
            sum += Math.abs(state[slot]![i]! - want) / (Math.abs(want) * 2 ** -23 || 1)
            count++
          }
    }
  return sum / count
}

test.each([
  ['tensorflow1', tensorflow1, golden<Golden>('rmsprop')],
  ['keras', keras, newerGolden<Golden>('rmsprop_keras')],
  ['pytorch', pytorch, newerGolden<Golden>('rmsprop_pytorch')],
] as const)('%s: each choice is the framework’s', (_, preset, goldens) =>
  expectNoLeak(async () => {
    const chosen = await distance(preset, goldens, {})
    const optimizer = preset({ learningRate: 0.1 })
    const config = optimizer.getConfig()
    optimizer.dispose()
    for (const name of ['meanSquareUpdate', 'meanGradientUpdate', 'oneMinusDecay']) {
      const flipped = await distance(preset, goldens, { [name]: other[config[name] as Choice] })
      expect(chosen, `${name}: ${config[name]} against ${flipped}`).toBeLessThan(0.9 * flipped)
    }
  }),
)
