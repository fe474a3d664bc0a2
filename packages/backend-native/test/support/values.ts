// Test data with everything that floats have.
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { randomFloats } from './random'

const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-45, 1e-38, 1, -1, 6, 3.4e38, -3.4e38]

/** Random floats in ±8, one in eight of them special. */
export function anyFloats(count: number, seed: number): Float32Array {
  const choices = randomFloats(count, seed + 1)
  return randomFloats(count, seed).map((x, i) => {
    const choice = Math.floor((choices[i]! + 1) * 4 * special.length) // 0 … 8·length − 1
    return choice < special.length ? special[choice]! : 8 * x
  })
}

/** Shapes of up to five dimensions, with vectors' tails and now and then more elements than one chunk of work has. */
export const shapes: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 5, arbitrary: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 5 }) },
  { weight: 5, arbitrary: fc.tuple(...[5, 9, 70].map((max) => fc.integer({ min: 1, max }))) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 16000, max: 17000 })) },
)

export const sizeOf = (shape: readonly number[]) => shape.reduce((size, side) => size * side, 1)

/** Makes the same tensor, of values from anyFloats(), on whichever backend is current. */
export function maker(shape: number[], seed: number): () => tf.Tensor {
  const values = anyFloats(sizeOf(shape), seed)
  return () => tf.tensor(values, shape)
}
