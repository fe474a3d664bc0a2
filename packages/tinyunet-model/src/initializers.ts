import { oneOf } from './names'
import { normal, type Random, truncatedNormal } from './random'

export const INITIALIZERS = ['heUniform', 'heNormal', 'glorotUniform', 'glorotNormal', 'orthogonal'] as const
export type InitializerName = (typeof INITIALIZERS)[number]

/** Takes the reference's flag values (`he_uniform`) as well. */
export const initializerName = (name: string): InitializerName =>
  oneOf(
    'kernelInitializer',
    String(name).replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    INITIALIZERS,
  )

/** [side, side, channels in, channels out]. */
export type KernelShape = [number, number, number, number]

/** Standard deviation of a standard normal truncated at ±2, which TensorFlow divides out. */
const TRUNCATED_DEVIATION = 0.8796256610342398

const fill = (shape: KernelShape, draw: () => number) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b) }, draw)

const fans = ([height, width, channels, filters]: KernelShape) => ({
  fanIn: height * width * channels,
  fanOut: height * width * filters,
})

const uniform = (shape: KernelShape, variance: number, next: Random) => {
  const limit = Math.sqrt(3 * variance)
  return fill(shape, () => limit * (2 * next() - 1))
}

const scaledNormal = (shape: KernelShape, variance: number, next: Random) => {
  const deviation = Math.sqrt(variance) / TRUNCATED_DEVIATION
  return fill(shape, () => deviation * truncatedNormal(next))
}

/** He et al. 2015: the variance that keeps a ReLU net's signal, 2 / fan in. */
const he = (shape: KernelShape) => 2 / fans(shape).fanIn
/** Glorot and Bengio 2010: 1 / mean of fan in and fan out. */
const glorot = (shape: KernelShape) => 2 / (fans(shape).fanIn + fans(shape).fanOut)

/** Start values of a kernel in row-major order, as TensorFlow's variance_scaling and orthogonal define them. */
export const initializers: Record<InitializerName, (shape: KernelShape, next: Random) => Float32Array> = {
  heUniform: (shape, next) => uniform(shape, he(shape), next),
  heNormal: (shape, next) => scaledNormal(shape, he(shape), next),
  glorotUniform: (shape, next) => uniform(shape, glorot(shape), next),
  glorotNormal: (shape, next) => scaledNormal(shape, glorot(shape), next),
  orthogonal,
}

/**
 * Saxe et al. 2014: the kernel as a matrix [side · side · in, out] has orthonormal columns (or rows, where there are
 * fewer): Q of the QR factorisation, with positive diagonal of R, of a matrix of normal numbers.
 */
function orthogonal(shape: KernelShape, next: Random): Float32Array {
  const [rows, columns] = [fans(shape).fanIn, shape[3]]
  const [length, count] = [Math.max(rows, columns), Math.min(rows, columns)]
  const vectors = Array.from({ length: count }, () => Float64Array.from({ length }, () => normal(next)))
  orthonormalize(vectors)
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns]
    return rows >= columns ? vectors[column]![row]! : vectors[row]![column]!
  })
}

/** Modified Gram-Schmidt, in place. */
function orthonormalize(vectors: Float64Array[]): void {
  vectors.forEach((vector, i) => {
    const norm = Math.sqrt(dot(vector, vector))
    for (let k = 0; k < vector.length; k++) vector[k]! /= norm
    for (const later of vectors.slice(i + 1)) {
      const along = dot(vector, later)
      for (let k = 0; k < later.length; k++) later[k]! -= along * vector[k]!
    }
  })
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}
