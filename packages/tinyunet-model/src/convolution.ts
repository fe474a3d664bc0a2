import * as tf from '@tensorflow/tfjs-core'
import { type ActivationName, activations } from './activations'
import { biasGradient, inputGradient, kernelGradient, SAME } from './convolution-gradients'
import { runKernel } from './kernels'
import { operation } from './operation'
import { upsample, upsampleGradient } from './upsampling'

/** What a convolution reads: x as it is, x upsampled by 2, or x with the channels of a skip connection after its own. */
export interface Features {
  x: tf.Tensor4D
  skip?: tf.Tensor4D
  upsampled?: boolean
}

/** A convolution's variables: kernel [k, k, in, out], bias [out], alpha [out] or [1] where the activation has one. */
export type ConvolutionWeights = {
  kernel: tf.Tensor4D
  bias: tf.Tensor1D
  alpha?: tf.Tensor1D
}

/**
 * activation(features * kernel + bias), stride 1, SAME, as one operation that keeps its inputs and its output for the
 * gradient and nothing else: neither the convolution without bias or activation, nor the upsampled or joined copy.
 *
 * @param activation `linear` is the head, whose gradient belongs to the caller
 * @returns [n, h, w, out], twice the channels where the activation widens
 */
export const convolution = (
  { x, skip, upsampled = false }: Features,
  { kernel, bias, alpha }: ConvolutionWeights,
  activation: ActivationName | 'linear',
): tf.Tensor4D => run({ kernel, bias, alpha, skip, x }, { activation, upsampled })

type Inputs = ConvolutionWeights & Pick<Features, 'x' | 'skip'>
type Attributes = { activation: ActivationName | 'linear'; upsampled: boolean }

const run = operation<Inputs, Attributes>({
  name: 'UNetConvolution',
  saves: ['x', 'skip', 'kernel', 'alpha'],

  forward({ x, skip, kernel, bias, alpha }, { activation, upsampled }) {
    const { fused, apply } = activations[activation]
    const input = skip ? tf.concat([x, skip], 3) : upsampled ? upsample(x) : x
    // The kernel itself, since tf.fused.conv2d takes it apart while gradients are recorded.
    const convolve = (attributes: tf.NamedAttrMap) =>
      runKernel('FusedConv2D', { x: input, filter: kernel, bias }, { ...SAME, ...attributes })
    return fused ? convolve(fused) : apply(convolve({ activation: 'linear' }), alpha)
  },

  gradient(dy, { x, skip, kernel, alpha, output: y }, { activation, upsampled }) {
    const { gradient, alphaGradient } = activations[activation]
    const dz = tf.tidy(() => gradient(dy, y, alpha))
    const dalpha = alphaGradient && tf.tidy(() => alphaGradient(dy, y, alpha!))
    if (dz !== dy) dy.dispose()
    // x and skip each meet their own input channels of the kernel, so their gradients need no joined copy.
    const kernelFrom = (first: number, { shape: [, , , channels] }: tf.Tensor4D) => {
      const [height, width, , filters] = kernel.shape
      return skip ? tf.slice(kernel, [0, 0, first, 0], [height, width, channels, filters]) : kernel
    }
    return {
      kernel() {
        const parts: tf.Tensor4D[] = [upsampled ? upsample(x) : x, ...(skip ? [skip] : [])]
        return tf.concat(
          parts.map((part) => kernelGradient(part, dz, kernel.shape[0])),
          2,
        )
      },
      bias: () => biasGradient(dz),
      alpha: () => dalpha!,
      skip: () => inputGradient(dz, kernelFrom(x.shape[3], skip!), skip!.shape),
      // Asked last, and never if x is an image that nobody watches.
      x() {
        const [n, h, w, c] = x.shape
        const dx = upsampled
          ? upsampleGradient(inputGradient(dz, kernel, [n, 2 * h, 2 * w, c]), x)
          : inputGradient(dz, kernelFrom(0, x), x.shape)
        if (dz !== dy) dz.dispose()
        return dx
      },
    }
  },
})
