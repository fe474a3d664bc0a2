import type { DataType, Tensor } from '@tensorflow/tfjs-core'
import { raised } from '../support/calls'
import { chance as randomFrom } from '../support/random'
import type { World } from './case'

/** 1 to 3 dimensions of 17, as in Horovod's tests. */
export const SHAPES = [[17], [17, 17], [17, 17, 17]]

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)
export const total = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0)
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Numbers in [0, 1), the same in every process for a seed. */
export const chance = (seed: number): (() => number) => randomFrom(Math.imul(seed, 2654435761)) // neighbours differ at once

/** Whole numbers in [low, high): their sums are exact in any order. */
export function integers(seed: number, count: number, low = -100, high = 100): number[] {
  const random = chance(seed)
  const numbers = new Array<number>(count)
  for (let i = 0; i < count; i++) numbers[i] = low + Math.floor(random() * (high - low))
  return numbers
}

/** Floats of many magnitudes: their sums are rounded, and depend on the order. */
export function roughFloats(seed: number, count: number): Float32Array {
  const random = chance(seed)
  return Float32Array.from({ length: count }, () => (random() - 0.5) * 2 ** Math.floor(random() * 40 - 20))
}

/** Numbers as a tensor of a dtype: odd ones are true; complex ones take them as real and, reversed, as imaginary parts. */
export function tensorOf({ tf }: World, values: readonly number[], shape: number[], dtype: DataType): Tensor {
  if (dtype === 'bool') return tf.tensor(Uint8Array.from(values, truth), shape, 'bool')
  if (dtype === 'string') return tf.tensor(values.map(String), shape, 'string')
  if (dtype !== 'complex64') return tf.tensor([...values], shape, dtype)
  return tf.tidy(() => tf.complex(tf.tensor([...values], shape), tf.tensor([...values].reverse(), shape)))
}

export const truth = (value: number): number => Math.abs(value % 2)

/** What such a tensor's `dataSync` gives. */
export function valuesOf(values: readonly number[], dtype: DataType): (number | string)[] {
  if (dtype === 'bool') return values.map(truth)
  if (dtype === 'string') return values.map(String)
  return dtype === 'complex64' ? values.flatMap((value, i) => [value, values[values.length - 1 - i]!]) : [...values]
}

/** @throws where shape, dtype or any value differs, to the bit (any NaN is NaN) */
export function expectEqual(got: Tensor, expected: ArrayLike<number | string>, shape: number[], dtype: DataType): void {
  expectValues(got, expected, shape, dtype, (a, b) => Object.is(a, b) || a === b)
}

/** @throws where shape, dtype or any value differs by more than `relative` of the expected one */
export function expectClose(got: Tensor, expected: ArrayLike<number>, shape: number[], relative: number): void {
  const near = (a: number, b: number) => Math.abs(a - b) <= relative * Math.abs(b)
  expectValues(got, expected, shape, 'float32', (a, b) => near(a as number, b as number))
}

function expectValues(
  got: Tensor,
  expected: ArrayLike<number | string>,
  shape: number[],
  dtype: DataType,
  alike: (got: number | string, expected: number | string) => boolean,
): void {
  expectSame([got.dtype, got.shape], [dtype, shape])
  const values = got.dataSync() as ArrayLike<number | string>
  expectSame(values.length, expected.length)
  for (let i = 0; i < values.length; i++)
    if (!alike(values[i]!, expected[i]!)) throw new Error(`value ${i}: got ${values[i]}, expected ${expected[i]}`)
}

/** @throws where two values, written as JSON, differ */
export function expectSame(got: unknown, expected: unknown): void {
  const [own, other] = [JSON.stringify(got), JSON.stringify(expected)]
  if (own !== other) throw new Error(`got ${own}, expected ${other}`)
}

/** @throws where it does not throw the same error on every rank */
export function expectRaises({ hvd }: World, call: () => unknown, message: RegExp): void {
  const got = raised(call)
  if (!message.test(got)) throw new Error(`got ${got}, expected an error like ${message}`)
  expectSame(new Set(hvd.allgatherObject(got)).size, 1)
}

/** A short number for all bits of some values. */
export function digest(values: ArrayBufferView): string {
  let hash = 2166136261
  for (const byte of new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    hash = Math.imul(hash ^ byte, 16777619)
  return (hash >>> 0).toString(16)
}
