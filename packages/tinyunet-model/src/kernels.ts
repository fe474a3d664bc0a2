import * as tf from '@tensorflow/tfjs-core'

/** Runs a kernel of the current backend. */
export const runKernel = (name: string, inputs: tf.NamedTensorMap, attributes?: tf.NamedAttrMap): tf.Tensor4D =>
  tf.engine().runKernel(name, inputs, attributes)

export const hasKernel = (name: string): boolean => tf.getKernel(name, tf.getBackend()) !== undefined

/**
 * Whether the current backend has a kernel of its own, not the one of tfjs-backend-cpu 4.22 (or a copy of that).
 *
 * There Conv2DBackpropFilter takes some 50 times as long as the same in matrix products, and ResizeNearestNeighborGrad
 * reads every image but the first at a wrong place.
 */
export function hasOwnKernel(name: string): boolean {
  const cpu = tf.getKernel(name, 'cpu')
  return hasKernel(name) && tf.getKernel(name, tf.getBackend()).kernelFunc !== cpu?.kernelFunc
}
