import * as tf from '@tensorflow/tfjs-core'
import { RMSPropCentered } from '@unet-industrial/rmsprop-centered'
import { describeOnBackends, expectNoLeak, expectNoReadBack, golden } from '@unet-internal/testing'
import { expect, test } from 'vitest'
import { type DynamicLossScale, dynamicLossScale, LossScaleOptimizer } from '../src'
import { bitsOf, linear } from './problem'

type Preset = keyof typeof dynamicLossScale

interface Case {
  name: string
  initial_scale: number
  growth_interval: number
  steps: string
  scale: number[]
  skipped: string
  good_steps: number[]
  bad_steps?: number[]
}

interface Defaults {
  initial_scale: number
  growth_interval: number
  growth_factor: number
  backoff_factor: number
  floor: number | null
  bad_steps?: number
}

const { presets } = golden<{ presets: Record<Preset, { defaults: Defaults; cases: Case[] }> }>('loss_scale')
const names = Object.keys(presets) as Preset[]

test.each(names)('%s has its defaults', (name) => {
  const { defaults } = presets[name]
  expect(dynamicLossScale[name]()).toEqual({
    kind: 'dynamic',
    initialScale: defaults.initial_scale,
    growthInterval: defaults.growth_interval,
    growthFactor: defaults.growth_factor,
    backoffFactor: defaults.backoff_factor,
    floor: defaults.floor,
    badSteps: defaults.bad_steps ?? 1,
  } satisfies DynamicLossScale)
})

// An optimizer that must be selected around, and one that selects by itself; a bad gradient in one variable only.
const optimizers = {
  adagrad: () => tf.train.adagrad(2 ** -10),
  'RMSProp centered': () => new RMSPropCentered({ learningRate: 2 ** -10 }),
}
const bads: Record<string, [number, number]> = {
  'Infinity in the first': [Infinity, 0.5],
  'NaN in the second': [0.5, Number.NaN],
}

describeOnBackends('sequences', () => {
  for (const preset of names)
    for (const [around, make] of Object.entries(optimizers))
      for (const [what, bad] of Object.entries(bads))
        test.each(presets[preset].cases)(`${preset} around ${around}, ${what}: $name`, (sequence) =>
          expectNoLeak(async () => {
            const { variables, loss, dispose } = linear()
            const options = { initialScale: sequence.initial_scale, growthInterval: sequence.growth_interval }
            const optimizer = new LossScaleOptimizer(make(), dynamicLossScale[preset](options))
            const weights = await optimizer.getWeights()
            const own = weights.slice(-3).map(({ tensor }) => tensor)
            for (const [i, step] of [...sequence.steps].entries()) {
              const before = await bitsOf(variables)
              const gradients = step === 'T' ? ([0.5, 0.25] as [number, number]) : bad
              expectNoReadBack(() => optimizer.minimize(loss(...gradients), false, variables))
              const [scale, good, badSteps] = (await Promise.all(own.map((tensor) => tensor.data()))).map(([x]) => x)
              expect(scale, `scale after step ${i}`).toBe(Math.fround(sequence.scale[i]!))
              expect(good, `good steps after step ${i}`).toBe(sequence.good_steps[i])
              if (sequence.bad_steps) expect(badSteps, `bad steps after step ${i}`).toBe(sequence.bad_steps[i])
              const after = await bitsOf(variables)
              if (sequence.skipped[i] === 's') expect(after).toEqual(before)
              else for (const [j, values] of after.entries()) expect(values).not.toEqual(before[j])
            }
            const skipped = [...sequence.skipped].filter((mark) => mark === 's').length
            expect([...(await optimizer.skippedSteps.data())]).toEqual([skipped])
            tf.dispose(weights.filter(({ name }) => name === 'iter').map(({ tensor }) => tensor))
            optimizer.dispose()
            dispose()
          }),
        )
})
