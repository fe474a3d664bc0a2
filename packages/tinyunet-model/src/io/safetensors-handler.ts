import * as tf from '@tensorflow/tfjs-core'
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile, toFloat32 } from '../safetensors'
import { readBytes, writeAtomically } from './files'

/** Where a model's topology is in the file's metadata, as JSON. */
const TOPOLOGY = 'modelTopology'

/**
 * A tf.io handler for one safetensors file.
 *
 * @param source a path, to load or save in Node, where the file is replaced whole or not at all; or a file's bytes, to load anywhere
 */
export function safetensors(source: string | Uint8Array): tf.io.IOHandler {
  if (typeof source !== 'string') return { load: async () => toArtifacts(decodeSafetensors(source)) }
  return {
    async save(artifacts) {
      const bytes = await fromArtifacts(artifacts)
      await writeAtomically(source, bytes)
      return {
        modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON', weightDataBytes: bytes.length },
      }
    },
    async load() {
      const bytes = await readBytes(source)
      try {
        return toArtifacts(decodeSafetensors(bytes))
      } catch (error) {
        throw new Error(`${source}: ${(error as Error).message}`)
      }
    },
  }
}

async function fromArtifacts({
  modelTopology,
  format,
  weightSpecs,
  weightData,
}: tf.io.ModelArtifacts): Promise<Uint8Array> {
  const weights = tf.io.decodeWeights(tf.io.CompositeArrayBuffer.join(weightData), weightSpecs!)
  try {
    const tensors = await Promise.all(
      Object.entries(weights).map(async ([name, tensor]) => {
        const { dtype, shape } = tensor
        return [name, { dtype, shape, data: await tensor.data<'float32'>() }] as const
      }),
    )
    return encodeSafetensors(Object.fromEntries(tensors), {
      format: format!,
      [TOPOLOGY]: JSON.stringify(modelTopology),
    })
  } finally {
    tf.dispose(weights)
  }
}

function toArtifacts({ tensors, metadata }: SafetensorsFile): tf.io.ModelArtifacts {
  const entries = Object.entries(tensors)
  return {
    modelTopology: parseTopology(metadata[TOPOLOGY]),
    format: metadata.format,
    weightSpecs: entries.map(([name, { shape }]) => ({ name, shape, dtype: 'float32' })),
    weightData: tf.io.CompositeArrayBuffer.join(entries.map(([name, tensor]) => toFloat32(name, tensor).buffer)),
  }
}

function parseTopology(text: string | undefined): object | undefined {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch (error) {
    throw new Error(`metadata ${TOPOLOGY} is not JSON (${(error as Error).message}); the file is damaged`)
  }
}
