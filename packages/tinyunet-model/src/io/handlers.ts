import * as tf from '@tensorflow/tfjs-core'
import { folder } from './folder-handler'
import { safetensors } from './safetensors-handler'

const FILE = 'file://'

/**
 * The handler that a URL stands for. Files are ours, so that they work on any backend; all others are tfjs's.
 *
 * @throws where no handler knows the URL
 */
export function handlerFor(target: tf.io.IOHandler | string, purpose: 'save' | 'load'): tf.io.IOHandler {
  if (typeof target !== 'string') return target
  if (target.startsWith(FILE)) {
    const path = target.slice(FILE.length)
    return path.endsWith('.safetensors') ? safetensors(path) : folder(path)
  }
  const [handler] = purpose === 'save' ? tf.io.getSaveHandlers(target) : tf.io.getLoadHandlers(target)
  if (!handler)
    throw new Error(
      `nothing here can ${purpose} ${target}; use file:// in Node, localstorage:// or indexeddb:// in a browser`,
    )
  return handler
}
