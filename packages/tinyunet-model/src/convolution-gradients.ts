import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, hasOwnKernel, runKernel } from './kernels'

/** Stride 1 and SAME padding, as attributes of the convolution kernels. */
export const SAME = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }

/** Rows (or columns) of zeros that SAME adds before and after the image for a kernel of that side. */
const padding = (side: number): [number, number] => [Math.floor((side - 1) / 2), Math.ceil((side - 1) / 2)]

const pads = (before: number, after: number): [number, number][] => [
  [0, 0],
  [before, after],
  [before, after],
  [0, 0],
]

/** dL/dx of y = x * kernel from dL/dy. `inputShape` is that of x. */
export function inputGradient(dy: tf.Tensor4D, kernel: tf.Tensor4D, inputShape: number[]): tf.Tensor4D {
  if (hasOwnKernel('Conv2DBackpropInput'))
    return runKernel('Conv2DBackpropInput', { dy, filter: kernel }, { ...SAME, inputShape })
  // A convolution with the kernel turned by 180° and its channels swapped, padded the other way round.
  const [before, after] = padding(kernel.shape[0])
  const turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
  return tf.conv2d(tf.pad(dy, pads(after, before)), turned, 1, 'valid')
}

/** dL/dkernel of y = x * kernel from dL/dy: [side, side, in, out]. */
export function kernelGradient(x: tf.Tensor4D, dy: tf.Tensor4D, side: number): tf.Tensor4D {
  const [n, height, width, channels] = x.shape
  const filters = dy.shape[3]
  const filterShape: [number, number, number, number] = [side, side, channels, filters]
  if (hasOwnKernel('Conv2DBackpropFilter'))
    return runKernel('Conv2DBackpropFilter', { x, dy }, { ...SAME, filterShape })
  // For each place (i, j) in the kernel the product of what x has there, [n · h · w, in], transposed, and dy.
  const padded = tf.pad(x, pads(...padding(side)))
  const columns = tf.reshape(dy, [-1, filters])
  const taps = Array.from({ length: side * side }, (_, tap) => {
    const [i, j] = [Math.floor(tap / side), tap % side]
    const shifted = tf.slice(padded, [0, i, j, 0], [n, height, width, channels])
    return tf.matMul(tf.reshape(shifted, [-1, channels]), columns, true)
  })
  return tf.reshape(tf.stack(taps), filterShape)
}

/** dL/dbias from dL/dy: the sum over images, rows and columns. */
export const biasGradient = (dy: tf.Tensor4D): tf.Tensor =>
  hasKernel('BiasAddGrad') ? runKernel('BiasAddGrad', { dy }) : tf.sum(dy, [0, 1, 2])
