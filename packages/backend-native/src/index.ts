/**
 * A TensorFlow.js backend on SIMD kernels and all cores. Importing the package registers the backend `native`, its
 * kernels and tfjs-core's gradients; `await tf.setBackend('native')` makes it the current one.
 */
import { registerBackend } from '@tensorflow/tfjs-core'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { loadAddon } from './addon'
import { NativeBackend } from './backend'
import { registerArrayKernels } from './kernels/array'
import { registerElementwiseKernels } from './kernels/elementwise'
import { registerImageKernels } from './kernels/image'
import { registerMatMul } from './kernels/matmul'
import { registerReductions } from './kernels/reduce'
import { NAME, registerCpuKernels } from './kernels/register'
import { registerRMSProp } from './kernels/rmsprop'
import { measurePeak, type Peak } from './peak'

const { addon, reason } = loadAddon()

registerGradients()
if (addon) {
  registerElementwiseKernels(addon)
  registerReductions(addon)
  registerArrayKernels()
  registerImageKernels()
  registerMatMul()
  registerRMSProp()
  registerCpuKernels()
  registerBackend(NAME, () => new NativeBackend(addon), 3)
} else
  registerBackend(
    NAME,
    () => {
      throw new Error(reason)
    },
    0, // so that no program gets it without asking
  )

/** What `nativeInfo()` tells. */
export interface NativeInfo {
  available: boolean
  /** Why it is not available, and what to do; one line. */
  reason?: string
  /** The instruction set in use, e.g. `avx512`; and all that this machine has, best first. */
  isa?: string
  isas?: string[]
  /** Threads in use. */
  threads?: number
  /** The processor's features that matter here. */
  features?: string[]
}

/** Whether the native kernels work here, and on what. */
export function nativeInfo(): NativeInfo {
  if (!addon) return { available: false, reason }
  const { features, ...rest } = addon.info()
  return { available: true, ...rest, features: features.split(' ').filter(Boolean) }
}

function loaded() {
  if (!addon) throw new Error(reason)
  return addon
}

/**
 * How many threads the kernels use, 1 to 256, from now on. Results do not depend on it.
 * The default is what the process may use (cgroup, affinity), or the environment's UNET_NATIVE_THREADS.
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 256)
    throw new Error(`setThreads: got ${count}, expected an integer from 1 to 256`)
  loaded().setThreads(count)
}

/**
 * Which instruction set the kernels use from now on: one of `nativeInfo().isas`.
 * The default is the best, or the environment's UNET_NATIVE_ISA.
 */
export function setIsa(name: string): void {
  const { isas } = loaded().info()
  if (!isas.includes(name)) throw new Error(`setIsa: got ${name}, expected one of ${isas.join(', ')} on this machine`)
  loaded().setIsa(isas.indexOf(name))
}

/**
 * What this machine reaches at most with the threads and the instruction set in use, to state a speed as a share of it.
 * It is measured, in about half a second.
 */
export const nativePeak = (): Peak => measurePeak(loaded())

export { NativeBackend, type Peak }
