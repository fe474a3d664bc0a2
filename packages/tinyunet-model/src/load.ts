import * as tf from '@tensorflow/tfjs-core'
import { resolveConfig, type TinyUNetConfig, type TinyUNetOptions } from './config'
import { CLASS_NAME } from './io/artifacts'
import { handlerFor } from './io/handlers'
import { TinyUNet } from './model'
import { variableSpecs } from './variables'
import { checkWeights } from './weights'

/**
 * Loads a model that `TinyUNet.save` wrote.
 *
 * @param source a tf.io handler, or a URL: `file://folder`, `file://model.safetensors`, `https://…/model.json`,
 *   `localstorage://name`, `indexeddb://name`
 * @param options what the model is, for a file that has weights only, as other programs write them
 * @throws naming the variable where one is missing, unknown or of another shape
 */
export async function loadTinyUNet(source: tf.io.IOHandler | string, options: TinyUNetOptions = {}): Promise<TinyUNet> {
  const handler = handlerFor(source, 'load')
  if (!handler.load) throw new Error('the handler has no load(); pass one that can load, or a URL')
  const { modelTopology, weightSpecs = [], weightData } = await handler.load()
  const config = resolveConfig({ ...options, ...savedConfig(modelTopology) })
  checkWeights(variableSpecs(config), Object.fromEntries(weightSpecs.map((spec) => [spec.name, spec])))
  const data = tf.io.CompositeArrayBuffer.join(weightData)
  checkLength(weightSpecs, data)
  const weights = tf.io.decodeWeights(data, weightSpecs)
  try {
    return new TinyUNet(config, weights)
  } finally {
    tf.dispose(weights)
  }
}

function savedConfig(topology: unknown): TinyUNetConfig | undefined {
  if (topology === undefined || topology === null) return undefined
  const { className, config } = topology as { className?: unknown; config?: TinyUNetConfig }
  if (className !== CLASS_NAME || typeof config !== 'object')
    throw new Error(
      `the saved model is not a ${CLASS_NAME} (className ${JSON.stringify(className)}); load it with what saved it`,
    )
  return config
}

/** Float32 weights take four bytes a value. Quantised ones, which tfjs's converter writes, are left to tfjs. */
function checkLength(specs: tf.io.WeightsManifestEntry[], { byteLength }: ArrayBuffer): void {
  if (specs.some(({ quantization }) => quantization)) return
  const expected = specs.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0)
  if (byteLength !== expected)
    throw new Error(`the weights have ${byteLength} bytes, expected ${expected}; the file is truncated or damaged`)
}
