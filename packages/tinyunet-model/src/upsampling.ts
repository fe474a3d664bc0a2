import * as tf from '@tensorflow/tfjs-core'
import { hasOwnKernel, runKernel } from './kernels'

/** Nearest neighbour by 2: [n, h, w, c] → [n, 2h, 2w, c]. */
export const upsample = (x: tf.Tensor4D): tf.Tensor4D =>
  tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]])

/** dL/dx of `upsample`: the sum of each 2x2 block. */
export const upsampleGradient = (dy: tf.Tensor4D, x: tf.Tensor4D): tf.Tensor4D =>
  hasOwnKernel('ResizeNearestNeighborGrad')
    ? runKernel('ResizeNearestNeighborGrad', { images: x, dy }, { alignCorners: false, halfPixelCenters: false })
    : tf.mul(tf.avgPool(dy, 2, 2, 'valid'), 4)
