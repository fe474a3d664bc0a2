import * as tf from '@tensorflow/tfjs-core'
import { runKernel } from './kernels'
import { operation } from './operation'

const POOL = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }

const pool = operation<{ x: tf.Tensor4D }>({
  name: 'UNetMaxPool',
  saves: ['x', 'output'],
  forward: ({ x }) => tf.maxPool(x, 2, 2, 'valid'),
  gradient: (dy, { x: input, output }) => ({
    x() {
      const dx = runKernel('MaxPoolGrad', { dy, input, output }, POOL)
      dy.dispose()
      return dx
    },
  }),
})

/** The largest of each 2x2 block: [n, h, w, c] → [n, h / 2, w / 2, c]. */
export const maxPool = (x: tf.Tensor4D): tf.Tensor4D => pool({ x }, {})
