import * as tf from '@tensorflow/tfjs-core'
import {
  type AdaptiveLoss,
  adaptiveLoss,
  diceCoefficient,
  type LossFunction,
  lossByName,
  weightDecay,
} from '@unet-industrial/adaptive-loss'
import { DistributedOptimizer } from '@unet-industrial/horovod-lite'
import { dynamicLossScale, fixedLossScale, type LossScale, LossScaleOptimizer } from '@unet-industrial/mixed-precision'
import { exponentialDecay, RMSPropCentered, type Schedule } from '@unet-industrial/rmsprop-centered'
import { type TinyUNet, tinyUNet } from '@unet-industrial/tinyunet-model'
import type { Options } from '../options/schema'

/** Everything a training step is made of. */
export interface Recipe {
  model: TinyUNet
  loss: LossFunction | AdaptiveLoss
  weightDecay: number
  optimizer: LossScaleOptimizer
  /** Of the optimizer, for its step counter and learning rate. */
  rmsprop: RMSPropCentered
  schedule: Schedule
}

/** The model that the options describe, for images of a height and width. */
export const modelOf = (options: Options, [height, width]: readonly number[]): TinyUNet =>
  tinyUNet({
    variant: options.unetVariant,
    inputShape: [height!, width!, 1],
    kernelInitializer: options.weightInitMethod,
    activation: options.activationFn,
    seed: options.seed,
  })

/**
 * Composes the reference's recipe from the packages.
 *
 * @param decaySteps steps in which the learning rate falls once; may be a fraction
 * @param decayAhead steps that the rate is ahead of the optimizer's
 */
export function recipe(
  options: Options,
  imageShape: readonly number[],
  { decaySteps, decayAhead = 0 }: { decaySteps: number; decayAhead?: number },
): Recipe {
  const decay = exponentialDecay({
    initialLearningRate: options.learningRate,
    decaySteps,
    decayRate: options.learningRateDecayFactor,
    staircase: true,
  })
  const schedule = decayAhead === 0 ? decay : ahead(decay, decayAhead)
  const rmsprop = new RMSPropCentered({
    learningRate: schedule,
    decay: options.rmspropDecay,
    momentum: options.rmspropMomentum,
    epsilon: 1e-10,
    centered: true,
  })
  return {
    model: modelOf(options, imageShape),
    loss: lossOf(options),
    weightDecay: options.weightDecay,
    optimizer: new LossScaleOptimizer(new DistributedOptimizer(rmsprop), lossScaleOf(options)),
    rmsprop,
    schedule,
  }
}

const ahead = (schedule: Schedule, steps: number): Schedule => ({
  at: (step) => schedule.at(step + steps),
  apply: (step) => tf.tidy(() => schedule.apply(tf.add(tf.cast(step, 'float32'), steps))),
  toConfig: () => schedule.toConfig(),
})

const lossOf = ({ lossFnName, adaptiveThreshold, adaptiveBelow, adaptiveAbove }: Options) =>
  lossFnName === 'adaptive_loss'
    ? adaptiveLoss({ threshold: adaptiveThreshold, below: adaptiveBelow, above: adaptiveAbove })
    : lossByName(lossFnName)

/** TensorFlow's automatic scale, the reference's manual one, or none. */
function lossScaleOf({ useAutoLossScaling, amp }: Options): LossScale {
  if (useAutoLossScaling) return dynamicLossScale.tensorflow()
  return amp ? dynamicLossScale.tensorflowContrib() : fixedLossScale(1)
}

/** What a step tells about itself: scalars on the backend, not read yet. The caller disposes of them. */
export type StepResult = {
  /** The batch's loss plus weight decay, before the update. */
  loss: tf.Scalar
  weightDecay: tf.Scalar
  /** Soft dice coefficient of the batch. */
  dice: tf.Scalar
  /** Whether the adaptive loss took dice; absent with other losses. */
  useDice?: tf.Scalar
}

/**
 * One training step.
 *
 * @param image [n, h, w, 1], normalised
 * @param mask [n, h, w, 1], 0 or 1
 */
export function trainingStep(recipe: Recipe, image: tf.Tensor4D, mask: tf.Tensor4D): StepResult {
  const { model, loss, optimizer } = recipe
  let result: StepResult | undefined
  tf.tidy(() => {
    optimizer.minimize(
      () => {
        const logits = model.apply(image)
        const data = 'details' in loss ? adaptive(loss, mask, logits) : plain(loss, mask, logits)
        const decay = weightDecay(model.variables, recipe.weightDecay)
        const total: tf.Scalar = tf.add(data.loss, decay)
        result = keep({ ...data, loss: total, weightDecay: decay })
        return total
      },
      false,
      model.variables,
    )
  })
  return result!
}

function adaptive(loss: AdaptiveLoss, mask: tf.Tensor4D, logits: tf.Tensor4D) {
  const { loss: value, diceLoss, useDice } = loss.details(mask, logits)
  return { loss: value, dice: tf.sub<tf.Scalar>(1, diceLoss), useDice }
}

const plain = (loss: LossFunction, mask: tf.Tensor4D, logits: tf.Tensor4D) => ({
  loss: loss(mask, logits),
  dice: diceCoefficient(mask, logits),
})

/** Copies that outlive the tape. */
const keep = <T extends Record<string, tf.Tensor>>(tensors: T): T =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tf.keep(tensor.clone())])) as T
