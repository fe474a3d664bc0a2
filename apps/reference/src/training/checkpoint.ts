import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import type { NamedTensor } from '@unet-industrial/mixed-precision'
import { decodeSafetensors, encodeSafetensors, loadTinyUNet, type TinyUNet } from '@unet-industrial/tinyunet-model'
import { writeDurably } from '../files'
import { modelFile, optimizerFile, readState, type TrainingState, unusable, writeCheckpoint } from './checkpoint-files'

/**
 * Saves everything that training needs to go on to the same bits: model, optimizer (slots, step, loss scale), data set.
 *
 * @throws where a value is not finite: such a checkpoint would push out the last good one
 */
export async function saveCheckpoint(
  folder: string,
  model: TinyUNet,
  optimizer: tf.Optimizer,
  state: TrainingState,
): Promise<void> {
  for (const [i, name] of model.names.entries()) {
    const values = await model.variables[i]!.data()
    if (!values.every(Number.isFinite))
      throw new Error(`variable ${name} is not finite after step ${state.step}; the checkpoints before it stay`)
  }
  await writeCheckpoint(folder, state, async (draft) => {
    await model.save(`file://${join(draft, modelFile)}`)
    writeDurably(join(draft, optimizerFile), encodeSafetensors(await contents(await optimizer.getWeights())))
  })
}

/** The optimizer keeps its tensors; their names and order are kept by the file. */
const contents = async (weights: NamedTensor[]) =>
  Object.fromEntries(
    await Promise.all(
      weights.map(async ({ name, tensor: { dtype, shape }, tensor }) => [
        name,
        { dtype, shape, data: await tensor.data<'float32'>() },
      ]),
    ),
  )

/**
 * Loads a checkpoint's model.
 *
 * @throws where the checkpoint is damaged, or the file is none
 */
export async function loadModel(checkpoint: string): Promise<{ model: TinyUNet; state: TrainingState }> {
  const state = readState(checkpoint)
  try {
    return { model: await loadTinyUNet(`file://${join(checkpoint, modelFile)}`), state }
  } catch (error) {
    throw unusable(checkpoint, error)
  }
}

/** Puts a checkpoint into a model and its optimizer. @throws where it is damaged or of another model */
export async function restoreCheckpoint(checkpoint: string, model: TinyUNet, optimizer: tf.Optimizer): Promise<void> {
  const { model: saved } = await loadModel(checkpoint)
  try {
    const weights = saved.getWeights()
    model.setWeights(weights)
    tf.dispose(weights)
    const { tensors } = decodeSafetensors(new Uint8Array(readFileSync(join(checkpoint, optimizerFile))))
    const named = Object.entries(tensors).map(([name, { data, shape, dtype }]) => ({
      name,
      tensor: tf.tensor(data as Float32Array, shape, dtype as 'float32'),
    }))
    await optimizer.setWeights(named)
    tf.dispose(named.map(({ tensor }) => tensor))
  } catch (error) {
    throw unusable(checkpoint, error)
  } finally {
    saved.dispose()
  }
}
