import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, hasOwnKernel, runKernel } from './kernels'

/** Stride 1 and SAME padding, as attributes of the convolution kernels. */
export const SAME = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }

/** Rows and columns of zeros before and after an image. */
const pad = (x: tf.Tensor4D, before: number, after: number): tf.Tensor4D =>
  tf.pad(x, [
    [0, 0],
    [before, after],
    [before, after],
    [0, 0],
  ])

/** dL/dx of y = x * kernel from dL/dy. `inputShape` is that of x. */
export const inputGradient = (dy: tf.Tensor4D, kernel: tf.Tensor4D, inputShape: number[]): tf.Tensor4D =>
  runKernel('Conv2DBackpropInput', { dy, filter: kernel }, { ...SAME, inputShape })

/** dL/dkernel of y = x * kernel from dL/dy: [side, side, in, out]. */
export function kernelGradient(x: tf.Tensor4D, dy: tf.Tensor4D, side: number): tf.Tensor4D {
  const [n, height, width, channels] = x.shape
  const filters = dy.shape[3]
  const filterShape: [number, number, number, number] = [side, side, channels, filters]
  if (hasOwnKernel('Conv2DBackpropFilter'))
    return runKernel('Conv2DBackpropFilter', { x, dy }, { ...SAME, filterShape })
  // The product of x, shifted and transposed, and dy, for each place (i, j) in the kernel. Both are padded to one width
  // and seen as lists of pixels, where the shift is an offset; the last pixels of dy are padding.
  const stride = width + side - 1
  const pixels = n * (height + side - 1) * stride - (side - 1) * (stride + 1)
  const flat = (tensor: tf.Tensor4D): tf.Tensor2D => tf.reshape(tensor, [-1, tensor.shape[3]])
  const before = Math.floor((side - 1) / 2) // of the zeros that SAME adds
  const padded = flat(pad(x, before, side - 1 - before))
  const gradient = tf.slice(flat(pad(dy, 0, side - 1)), [0, 0], [pixels, filters])
  const taps = Array.from({ length: side * side }, (_, tap) => {
    const offset = Math.floor(tap / side) * stride + (tap % side)
    return tf.matMul(tf.slice(padded, [offset, 0], [pixels, channels]), gradient, true)
  })
  return tf.reshape(tf.stack(taps), filterShape)
}

/** dL/dbias from dL/dy: the sum over images, rows and columns. */
export const biasGradient = (dy: tf.Tensor4D): tf.Tensor =>
  hasKernel('BiasAddGrad') ? runKernel('BiasAddGrad', { dy }) : tf.sum(dy, [0, 1, 2])
