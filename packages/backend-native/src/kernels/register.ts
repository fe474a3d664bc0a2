// How a native kernel takes the CPU backend's place.
import {
  getKernel,
  getKernelsForBackend,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import type { NativeBackend } from '../backend'

export const NAME = 'native'

/**
 * A native kernel: the output, or undefined where it does not handle this case (another dtype, NCHW, …), which the CPU
 * backend's kernel then does.
 */
export type NativeKernel<Name extends string, Attributes = object> = (
  inputs: Record<Name, TensorInfo>,
  attributes: Attributes,
  backend: NativeBackend,
) => TensorInfo | TensorInfo[] | undefined

const list = <T>(x: T | T[] | undefined): T[] => (x === undefined ? [] : Array.isArray(x) ? x : [x])

/** Runs a kernel of the CPU backend on ours. */
function runCpu(kernel: KernelFunc, inputs: NamedTensorInfoMap, attrs: NamedAttrMap, backend: NativeBackend) {
  const outputs = kernel({ inputs, attrs, backend })
  const tensors = Object.values(inputs).flatMap((input) => list<TensorInfo | undefined>(input)) // Concat has a list
  backend.releaseShared(
    tensors.filter((input) => input != null),
    list(outputs),
  )
  return outputs
}

/** Registers a native kernel; what it does not handle goes to the CPU backend's kernel of that name, if there is one. */
export function register<Name extends string, Attributes = object>(
  kernelName: string,
  native: NativeKernel<Name, Attributes>,
): void {
  const cpu = getKernel(kernelName, 'cpu')?.kernelFunc
  registerKernel({
    kernelName,
    backendName: NAME,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const output = native(inputs as Record<Name, TensorInfo>, (attrs ?? {}) as Attributes, backend as NativeBackend)
      if (output !== undefined) return output
      if (!cpu) throw new Error(`${kernelName}: backend native takes float32 tensors of the documented shapes only`)
      return runCpu(cpu, inputs, attrs as NamedAttrMap, backend as NativeBackend)
    },
  })
}

/** Takes over all kernels of the CPU backend that have no native one, so that every operation works. */
export function registerCpuKernels(): void {
  for (const { kernelName, kernelFunc } of getKernelsForBackend('cpu'))
    if (!getKernel(kernelName, NAME))
      registerKernel({
        kernelName,
        backendName: NAME,
        kernelFunc: ({ inputs, attrs, backend }) =>
          runCpu(kernelFunc, inputs, attrs as NamedAttrMap, backend as NativeBackend),
      })
}

/** Are all of these float32 tensors with something in them, small enough for the native kernels' 32-bit sizes? */
export const isFloat = (...tensors: TensorInfo[]) =>
  tensors.every(({ dtype, shape }) => {
    const size = shape.reduce((product, side) => product * side, 1)
    return dtype === 'float32' && size > 0 && size < 2 ** 31
  })
