import * as tf from '@tensorflow/tfjs-core'
import type { HostValues } from './packing'

/** A new tensor; in the graph, but for whole numbers, whose products are exact before they are truncated. */
export function scale(tensor: tf.Tensor, factor: number): tf.Tensor {
  if (factor === 1) return tf.clone(tensor)
  if (tensor.dtype === 'int32')
    return tf.tensor(
      Int32Array.from(tensor.dataSync(), (value) => value * factor),
      tensor.shape,
      'int32',
    )
  if (tensor.dtype === 'complex64') return tf.complex(tf.mul(tf.real(tensor), factor), tf.mul(tf.imag(tensor), factor))
  return tf.cast(tf.mul(tf.cast(tensor, 'float32'), factor), tensor.dtype)
}

/** Divides and multiplies values in place; with whole numbers in this order, so that their averages are exact. */
export function scaleValues(values: HostValues, divisor: number, factor: number): void {
  if (divisor === factor) return
  if (values instanceof Float32Array) scaleFloats(values, factor / divisor)
  else for (let i = 0; i < values.length; i++) values[i] = (values[i]! / divisor) * factor
}

function scaleFloats(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor
}
