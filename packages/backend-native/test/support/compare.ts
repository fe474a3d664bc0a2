// An operation on both backends, for the kernels' tests.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { onEveryInstructionSet } from './native'

/** What `compute` gives on a backend; its tensors must be made inside. */
export function valuesOn(backend: 'cpu' | 'native', compute: () => tf.Tensor) {
  void tf.setBackend(backend) // done when it returns, since neither backend starts asynchronously
  return tf.tidy(() => compute().dataSync())
}

/** Fails at the first element where `same` does not hold. */
export function expectEach(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  what: string,
  same: (got: number, want: number) => boolean = (g, w) => g === w || Object.is(g, w),
): void {
  if (got.length !== want.length) throw new Error(`${what}: got ${got.length} values, expected ${want.length}`)
  for (let i = 0; i < want.length; i++)
    if (!same(got[i]!, want[i]!)) throw new Error(`${what}[${i}]: got ${got[i]}, expected ${want[i]}`)
}

/** `compute` gives the CPU backend's values on every instruction set, and the same bits for any number of threads. */
export function expectLikeCpu(
  compute: () => tf.Tensor,
  what: string,
  same?: (got: number, want: number) => boolean,
): void {
  const want = valuesOn('cpu', compute)
  for (const [isa, got] of onEveryInstructionSet(() => Float32Array.from(valuesOn('native', compute))))
    expectEach(got, want, `${what} on ${isa}`, same)
}

/** Within `relative` of what is wanted, or of `scale` where that is larger; NaN and ±∞ exactly. */
export const within =
  (relative: number, scale = 0) =>
  (got: number, want: number) =>
    got === want || Object.is(got, want) || Math.abs(got - want) <= relative * Math.max(Math.abs(want), scale)
