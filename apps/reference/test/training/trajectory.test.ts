import * as tf from '@tensorflow/tfjs-core'
import { init, shutdown } from '@unet-industrial/horovod-lite'
import {
  describeOnBackends,
  expectClose,
  expectNoLeak,
  golden,
  type Picture,
  picture,
  stream,
  type Tolerance,
  uniforms,
} from '@unet-internal/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { schema } from '../../src/options/schema'
import { type Recipe, recipe, trainingStep } from '../../src/training/recipe'

// fixtures/train.json: twelve steps of TensorFlow 1's own graph, optimizer and schedule, from given weights.

interface Step {
  batch: number
  branch: 'bce' | 'dice'
  loss: number
  dice_loss: number
  weight_decay: number
  gradient_norm: number
  learning_rate: number
  relative_tolerance: Record<string, number>
}

interface Final {
  norm: number
  first: number[]
  change_norm: number
  slot_norms: Record<'meanSquare' | 'meanGradient' | 'momentum', number>
}

interface Trajectory {
  optimizer: { learning_rate: number; decay: number; momentum: number; epsilon: number; centered: boolean }
  schedule: { decay_steps: number; decay_rate: number; staircase: boolean }
  loss: { threshold: number; below: 'bce' | 'dice'; above: 'bce' | 'dice'; weight_decay: number }
  weights: { except: Record<string, number[]> }
  batch_shape: [n: number, height: number, width: number, channels: number]
  batches: Picture[]
  steps: Step[]
  final: Record<string, Final>
  final_tolerance: Record<string, { relative: number; relative_to: string }>
}

interface Variables {
  variables: { name: string; shape: number[]; low: number; high: number }[]
}

const want = golden<Trajectory>('train')
const { variables } = golden<Variables>('tinyunet')
const options = schema.parse({
  learningRate: want.optimizer.learning_rate,
  learningRateDecayFactor: want.schedule.decay_rate,
  rmspropDecay: want.optimizer.decay,
  rmspropMomentum: want.optimizer.momentum,
  weightDecay: want.loss.weight_decay,
  adaptiveThreshold: want.loss.threshold,
  adaptiveBelow: want.loss.below,
  adaptiveAbove: want.loss.above,
})

const startOf = ({ name, shape, low, high }: Variables['variables'][number]) =>
  Float32Array.from(
    want.weights.except[name] ??
      uniforms(stream(want.seed, `train/weights/${name}`), tf.util.sizeFromShape(shape), low, high),
  )

const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0))

/** Watches the gradients that are to be applied, unscaled: their norm is kept as a tensor, to be read after the step. */
function watchGradients({ optimizer }: Recipe): () => Promise<number> {
  const apply = optimizer.applyGradients.bind(optimizer)
  let squares: tf.Tensor | undefined
  optimizer.applyGradients = (gradients) => {
    const tensors = Array.isArray(gradients) ? gradients.map(({ tensor }) => tensor) : Object.values(gradients)
    squares = tf.keep(tf.tidy(() => tf.addN(tensors.map((gradient) => tf.sum(tf.square(gradient))))))
    apply(gradients)
  }
  return async () => {
    const [sum] = await squares!.data()
    squares!.dispose()
    return Math.sqrt(sum!)
  }
}

beforeAll(() => init())
afterAll(() => shutdown())

describeOnBackends('a training from the same weights', () => {
  test("goes TensorFlow's way", async () => {
    expect(want.optimizer).toMatchObject({ epsilon: 1e-10, centered: true }) // what the recipe has
    expect(want.schedule.staircase).toBe(true)
    await expectNoLeak(async () => {
      const [, height, width] = want.batch_shape
      const parts = recipe(options, [height, width], { decaySteps: want.schedule.decay_steps })
      const starts = new Map(variables.map((variable) => [variable.name, startOf(variable)]))
      const weights = Object.fromEntries(
        variables.map(({ name, shape }) => [name, tf.tensor(starts.get(name)!, shape)]),
      )
      parts.model.setWeights(weights)
      tf.dispose(weights)
      const gradientNorm = watchGradients(parts)
      const batches = want.batches.map((batch) => {
        const { image, mask } = picture(want.seed, batch, height, width)
        return { image: tf.tensor4d(image, want.batch_shape), mask: tf.tensor4d(mask, want.batch_shape) }
      })

      for (const [k, step] of want.steps.entries()) {
        const { image, mask } = batches[step.batch]!
        const result = trainingStep(parts, image, mask)
        const close = (name: keyof Step['relative_tolerance'], got: number, wanted: number) =>
          expectClose(got, wanted, { relative: step.relative_tolerance[name]! }, `${name} of step ${k}`)
        const [[loss], [dice], [decay], [useDice]] = await Promise.all([
          result.loss.data(),
          result.dice.data(),
          result.weightDecay.data(),
          result.useDice!.data(),
        ])
        expect(useDice ? 'dice' : 'bce', `branch of step ${k}`).toBe(step.branch)
        close('loss', loss!, step.loss)
        close('dice_loss', 1 - dice!, step.dice_loss)
        close('weight_decay', decay!, step.weight_decay)
        close('gradient_norm', await gradientNorm(), step.gradient_norm)
        close('learning_rate', parts.schedule.at(k), step.learning_rate)
        tf.dispose(Object.values(result))
      }

      const slots = new Map((await parts.optimizer.getWeights()).map(({ name, tensor }) => [name, tensor]))
      const slotNames = { meanSquare: 'rms', meanGradient: 'mg', momentum: 'momentum' } as const
      for (const [i, name] of parts.model.names.entries()) {
        const final = want.final[name]!
        const got = await parts.model.variables[i]!.data()
        const tolerance = (of: string): Tolerance => {
          const { relative, relative_to } = want.final_tolerance[of]!
          const scales: Record<string, number> = {
            norm: final.norm,
            change_norm: final.change_norm,
            ...final.slot_norms,
          }
          return { relative, relative_to: scales[relative_to]! }
        }
        const start = starts.get(name)!
        expectClose(norm(got), final.norm, tolerance('norm'), `norm of ${name}`)
        expectClose(got.slice(0, final.first.length), final.first, tolerance('first'), name)
        const change = norm(got.map((value, j) => value - start[j]!))
        expectClose(change, final.change_norm, tolerance('change_norm'), `change of ${name}`)
        for (const [slot, suffix] of Object.entries(slotNames) as [keyof typeof slotNames, string][]) {
          const values = await slots.get(`${parts.model.variables[i]!.name}/${suffix}`)!.data()
          expectClose(norm(values), final.slot_norms[slot], tolerance(slot), `${slot} of ${name}`)
        }
      }
      tf.dispose(batches.map(({ image, mask }) => [image, mask]))
      parts.optimizer.dispose()
      parts.model.dispose()
    })
  }, 300_000)
})
