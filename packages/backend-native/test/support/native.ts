// The native backend as the kernels' tests see it.
import * as tf from '@tensorflow/tfjs-core'
import { type NativeBackend, nativeInfo, setIsa, setThreads } from '../../src/index'

/** The addon, to call kernels with shapes that no tfjs op has (strides together with dilations, say). */
export async function loadNative() {
  await tf.setBackend('native')
  return (tf.backend() as NativeBackend).addon
}

const { isas = [], threads = 1 } = nativeInfo()

/** Instruction sets that this machine has, best first. */
export const instructionSets: readonly string[] = isas

/** Runs `body` with kernels of one instruction set and that many threads. */
export function withKernels<T>(isa: string, count: number, body: () => T): T {
  setIsa(isa)
  setThreads(count)
  try {
    return body()
  } finally {
    setIsa(isas[0]!)
    setThreads(threads)
  }
}

/** A function that lets `compute` fill a new array, which holds NaNs until then. */
export const filled = (size: number, compute: (out: Float32Array) => void) => () => {
  const out = new Float32Array(size).fill(Number.NaN)
  compute(out)
  return out
}

/**
 * `compute` on every instruction set. With 1, 2 and 3 threads it must give the same bits; what it gives is returned by
 * instruction set.
 */
export function onEveryInstructionSet(compute: () => Float32Array): Map<string, Float32Array> {
  return new Map(
    isas.map((isa) => {
      const [first, ...others] = [1, 2, 3].map((count) => withKernels(isa, count, compute))
      for (const [i, other] of others.entries())
        if (!Buffer.from(first!.buffer).equals(Buffer.from(other.buffer)))
          throw new Error(`${isa}: ${i + 2} threads give other bits than one`)
      return [isa, first!]
    }),
  )
}
