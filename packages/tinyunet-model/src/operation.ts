import * as tf from '@tensorflow/tfjs-core'

type Inputs = Record<string, tf.Tensor | undefined>

/** An operation of ours with a gradient of ours. */
interface Operation<I extends Inputs, Attributes extends tf.NamedAttrMap> {
  /** The start of its kernel's name; its inputs follow. */
  name: string
  /** The inputs that the gradient needs; it gets those that are present, and the output. */
  saves: readonly (keyof I & string)[]
  forward(inputs: I, attributes: Attributes): tf.Tensor4D
  /** dL/dinput for each input, asked one by one in the order of the inputs. It may dispose dy. */
  gradient(
    dy: tf.Tensor4D,
    saved: I & { output: tf.Tensor4D },
    attributes: Attributes,
  ): Record<keyof I, () => tf.Tensor>
}

/**
 * Makes an operation a kernel of whichever backend is current when it is called, composed of that backend's kernels.
 *
 * A registered kernel, and not a `tf.customGrad`, because tfjs asks its gradient only for the inputs that need one.
 *
 * tfjs's tape also keeps each gradient until the backward pass ends, which takes as much memory as the activations. Our
 * gradients dispose the dy that they were given: inside the net nobody else has seen it.
 */
export function operation<I extends Inputs, Attributes extends tf.NamedAttrMap = Record<string, never>>({
  name,
  saves,
  forward,
  gradient,
}: Operation<I, Attributes>): (inputs: I, attributes: Attributes) => tf.Tensor4D {
  const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) =>
    tf.tidy(() => forward(inputs as I, attrs as unknown as Attributes))

  const register = (kernelName: string, inputs: tf.NamedTensorMap) => {
    const backendName = tf.getBackend()
    if (!tf.getKernel(kernelName, backendName)) tf.registerKernel({ kernelName, backendName, kernelFunc })
    if (tf.getGradient(kernelName)) return
    const inputsToSave = saves.filter((saved) => saved in inputs)
    tf.registerGradient({
      kernelName,
      inputsToSave,
      outputsToSave: [true],
      gradFunc(dy, tensors, attributes) {
        const saved = Object.fromEntries([...inputsToSave, 'output'].map((input, i) => [input, tensors[i]]))
        return gradient(dy as tf.Tensor4D, saved as I & { output: tf.Tensor4D }, attributes as unknown as Attributes)
      },
    })
  }

  return (inputs, attributes) => {
    const present = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor)) as tf.NamedTensorMap
    const kernelName = `${name}(${Object.keys(present)})`
    register(kernelName, present)
    return tf.engine().runKernel(kernelName, present, attributes)
  }
}
