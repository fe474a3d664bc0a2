import * as tf from '@tensorflow/tfjs-core'
import { type ActivationName, activations } from './activations'

/** A convolution's variables: kernel [k, k, in, out], bias [out], alpha [out] or [1] where the activation has one. */
export interface ConvolutionWeights {
  kernel: tf.Tensor4D
  bias: tf.Tensor1D
  alpha?: tf.Tensor1D
}

const PLAIN = 'ConvolutionBiasActivation'
const PARAMETRIC = 'ConvolutionBiasParametricActivation'
const CONVOLUTION = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }

/**
 * activation(x * kernel + bias), stride 1, SAME, as one operation that keeps only x and its output for the gradient.
 *
 * Composed of tfjs's operations, convolution, bias and activation would each leave a copy of their output on the tape.
 * It is a kernel of its own on whichever backend is current, and not a `tf.customGrad`, because a registered
 * gradient is asked input by input: dL/dx of the first convolution is never computed unless the image is watched.
 *
 * @param x [n, h, w, in]
 * @returns [n, h, w, out], twice the channels where the activation widens
 */
export function convolution(
  x: tf.Tensor4D,
  { kernel, bias, alpha }: ConvolutionWeights,
  activation: ActivationName | 'linear',
): tf.Tensor4D {
  const name = alpha ? PARAMETRIC : PLAIN
  registerOn(tf.getBackend(), name)
  const attributes: Attributes = { activation }
  // The gradients are asked in this order, and that of x, which comes last, lets go of what they share.
  return tf.engine().runKernel(name, alpha ? { kernel, bias, alpha, x } : { kernel, bias, x }, { ...attributes })
}

interface Attributes {
  activation: ActivationName | 'linear'
}

function registerOn(backendName: string, kernelName: string): void {
  if (!tf.getKernel(kernelName, backendName))
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => run(inputs as unknown as Inputs, attrs as unknown as Attributes)),
    })
}

type Inputs = ConvolutionWeights & { x: tf.Tensor4D }

function run({ x, kernel, bias, alpha }: Inputs, { activation }: Attributes): tf.Tensor4D {
  const { fused, apply } = activations[activation]
  if (fused) return fusedConv2D(x, kernel, bias, fused)
  return apply(fusedConv2D(x, kernel, bias, { activation: 'linear' }), alpha)
}

/** The FusedConv2D kernel itself, since tf.fused.conv2d takes it apart while gradients are recorded. */
const fusedConv2D = (
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  fused: { activation: string; leakyreluAlpha?: number },
): tf.Tensor4D => tf.engine().runKernel('FusedConv2D', { x, filter, bias }, { ...CONVOLUTION, ...fused })

/** Sum over images, rows and columns: the backend's `BiasAddGrad` kernel, or plain ops. */
function biasGradient(dz: tf.Tensor4D): tf.Tensor1D {
  if (tf.getKernel('BiasAddGrad', tf.getBackend())) return tf.engine().runKernel('BiasAddGrad', { dy: dz })
  return tf.sum(dz, [0, 1, 2])
}

const gradients =
  (parametric: boolean): tf.GradFunc =>
  (gradient, saved, attributes) => {
    const dy = gradient as tf.Tensor4D
    const [x, kernel, ...rest] = saved as tf.Tensor4D[]
    const y = rest.at(-1)!
    const alpha = parametric ? rest[0] : undefined
    const activation = activations[(attributes as unknown as Attributes).activation]
    const dz = tf.tidy(() => activation.gradient(dy, y, alpha))
    return {
      kernel: () =>
        tf
          .engine()
          .runKernel('Conv2DBackpropFilter', { x: x!, dy: dz }, { ...CONVOLUTION, filterShape: kernel!.shape }),
      bias: () => biasGradient(dz),
      alpha: () => activation.alphaGradient!(dy, y, alpha!),
      x() {
        const dx = tf
          .engine()
          .runKernel('Conv2DBackpropInput', { dy: dz, filter: kernel! }, { ...CONVOLUTION, inputShape: x!.shape })
        if (dz !== dy) dz.dispose()
        return dx as tf.Tensor
      },
    }
  }

for (const [kernelName, parametric] of [
  [PLAIN, false],
  [PARAMETRIC, true],
] as const)
  tf.registerGradient({
    kernelName,
    inputsToSave: parametric ? ['x', 'kernel', 'alpha'] : ['x', 'kernel'],
    outputsToSave: [true],
    gradFunc: gradients(parametric),
  })
