import * as tf from '@tensorflow/tfjs-core'
import type { TinyUNetConfig } from '../config'
import { handlerFor } from './handlers'

/** What `format` and the topology's `className` say in a saved model. */
export const FORMAT = 'tinyunet-model'
export const CLASS_NAME = 'TinyUNet'

/** Gives configuration and weights to a tf.io handler, as tf.io.ModelArtifacts. */
export async function saveModel(
  config: TinyUNetConfig,
  weights: { name: string; tensor: tf.Tensor }[],
  target: tf.io.IOHandler | string,
): Promise<tf.io.SaveResult> {
  const handler = handlerFor(target, 'save')
  if (!handler.save) throw new Error('the handler has no save(); pass one that can save, or a URL')
  const { data, specs } = await tf.io.encodeWeights(weights)
  return handler.save({
    modelTopology: { className: CLASS_NAME, config },
    format: FORMAT,
    generatedBy: '@unet-industrial/tinyunet-model',
    convertedBy: null,
    weightSpecs: specs,
    weightData: data,
  })
}
