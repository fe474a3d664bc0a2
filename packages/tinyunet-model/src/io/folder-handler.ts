import * as tf from '@tensorflow/tfjs-core'
import { basename, dirname, isDirectory, join, readBytes, writeAtomically } from './files'

const MODEL = 'model.json'
const WEIGHTS = 'weights.bin'

/**
 * A tf.io handler for a folder with `model.json` and `weights.bin`, the layout of tfjs-node's `file://`, so that each
 * reads what the other wrote.
 *
 * @param path the folder; for loading also the path of its model.json
 */
export function folder(path: string): tf.io.IOHandler {
  return {
    async save(artifacts) {
      const data = tf.io.CompositeArrayBuffer.join(artifacts.weightData)
      const { modelTopology, format, generatedBy, convertedBy, weightSpecs } = artifacts
      const weightsManifest = [{ paths: [WEIGHTS], weights: weightSpecs }]
      const json = JSON.stringify({ modelTopology, format, generatedBy, convertedBy, weightsManifest })
      await writeAtomically(join(path, WEIGHTS), new Uint8Array(data))
      await writeAtomically(join(path, MODEL), json)
      return {
        modelArtifactsInfo: {
          dateSaved: new Date(),
          modelTopologyType: 'JSON',
          modelTopologyBytes: JSON.stringify(modelTopology).length,
          weightSpecsBytes: JSON.stringify(weightSpecs).length,
          weightDataBytes: data.byteLength,
        },
      }
    },
    async load() {
      const file = (await isDirectory(path)) ? join(path, MODEL) : path
      const json = parse(file, await readBytes(file))
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const parts = await Promise.all(
          manifest.flatMap(({ paths }) => paths).map((name) => readBytes(join(dirname(file), basename(name)))),
        )
        return [
          manifest.flatMap(({ weights }) => weights),
          tf.io.CompositeArrayBuffer.join(parts.map(({ buffer }) => buffer)),
        ]
      })
    },
  }
}

function parse(file: string, bytes: Uint8Array): tf.io.ModelJSON {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new Error(`${file} is not JSON (${(error as Error).message}); it is damaged or no model.json`)
  }
}
