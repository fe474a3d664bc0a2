import * as tf from '@tensorflow/tfjs-core'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../half'
import type { Compression } from '../optimizer/compression'
import type { Numbers } from '../process/client'
import type { WireType } from '../transports/transport'
import { scale } from './scaling'

/** A tensor's values on the host; complex numbers as pairs. */
export type HostValues = Float32Array | Int32Array | Uint8Array

interface ReadValues {
  values: HostValues
  /** They are nobody else's, and may be changed. Otherwise they may be the backend's: read only, and only until `release`. */
  own: boolean
  release(): void
}

/** The values of tensors of one dtype, one after the other, times `factor`; with one read-back: the backend joins them. */
export function read(tensors: readonly tf.Tensor[], dtype: tf.DataType, factor = 1): ReadValues {
  const filled = tensors.filter(({ size }) => size > 0)
  if (filled.length === 0) return { values: emptyOf(dtype), own: true, release: () => {} }
  const joined = tf.tidy(() => {
    const flat = filled.length === 1 ? filled[0]! : tf.concat(filled.map((tensor) => tf.reshape(tensor, [-1])))
    return tf.keep(scale(flat, factor))
  })
  const own = filled.length > 1 || factor !== 1 // a clone shares its memory
  return { values: typed(joined.dataSync(), dtype), own, release: () => joined.dispose() }
}

/** Backends may keep whole numbers in other arrays than the dtype's. */
function typed(values: ArrayLike<number>, dtype: tf.DataType): HostValues {
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values)
  if (dtype === 'bool') return values instanceof Uint8Array ? values : Uint8Array.from(values)
  return values instanceof Float32Array ? values : Float32Array.from(values)
}

function emptyOf(dtype: tf.DataType): HostValues {
  if (dtype === 'int32') return new Int32Array()
  return dtype === 'bool' || dtype === 'string' ? new Uint8Array() : new Float32Array()
}

/** How a tensor's numbers travel. */
export function wireOf(dtype: tf.DataType, compression: Compression = 'none'): WireType {
  if (dtype === 'int32' || dtype === 'bool') return dtype
  if (compression === 'none' || dtype !== 'float32') return 'float32'
  return compression === 'fp16' ? 'float16' : 'bfloat16'
}

export function encode(values: HostValues, wire: WireType): Numbers {
  if (wire === 'float16') return toFloat16(values as Float32Array)
  return wire === 'bfloat16' ? toBfloat16(values as Float32Array) : values
}

export function decode(numbers: Numbers, wire: WireType): HostValues {
  if (wire === 'float16') return fromFloat16(numbers as Uint16Array)
  return wire === 'bfloat16' ? fromBfloat16(numbers as Uint16Array) : (numbers as HostValues)
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: Numbers): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** A copy of `bytes` in memory of this thread alone, as an array of the same kind as `like`. */
export function copyOf<T extends Numbers>(bytes: Uint8Array, like: T): T {
  const copy = arrayLike(like, bytes.byteLength)
  bytesOf(copy).set(bytes)
  return copy
}

/** A new array of the same kind, of any content. */
export function arrayLike<T extends Numbers>(like: T, byteLength = like.byteLength): T {
  type Kind = new (buffer: ArrayBuffer, offset: number, length: number) => T
  const { buffer } = Buffer.allocUnsafeSlow(byteLength) // a new one would be filled with zeros first
  return new (like.constructor as Kind)(buffer, 0, byteLength / like.BYTES_PER_ELEMENT)
}

/** The same as a dtype's array. */
export const valuesOf = (bytes: Uint8Array, dtype: tf.DataType): HostValues => copyOf(bytes, emptyOf(dtype))

/** Numbers of one element: complex ones are pairs. */
const width = (dtype: tf.DataType): number => (dtype === 'complex64' ? 2 : 1)

/** Bytes of a tensor's numbers. */
export const byteLength = (shape: number[], dtype: tf.DataType): number =>
  tf.util.sizeFromShape(shape) * width(dtype) * emptyOf(dtype).BYTES_PER_ELEMENT

/** A tensor over `values`, which are then its own. */
function tensorOf(values: HostValues, shape: number[], dtype: tf.DataType): tf.Tensor {
  if (dtype !== 'complex64') return tf.tensor(values as Float32Array, shape, dtype)
  return tf.tidy(() => {
    const pairs = tf.tensor2d(values as Float32Array, [values.length / 2, 2])
    const [real, imaginary] = tf.unstack(pairs, 1) as [tf.Tensor, tf.Tensor]
    return tf.complex(tf.reshape(real, shape), tf.reshape(imaginary, shape))
  })
}

/** Tensors of these shapes over one array, one after the other, without a copy. */
export function tensorsOf(values: HostValues, shapes: readonly number[][], dtype: tf.DataType): tf.Tensor[] {
  let at = 0
  return shapes.map((shape) => {
    const length = tf.util.sizeFromShape(shape) * width(dtype)
    const part = values.subarray(at, at + length)
    at += length
    return tensorOf(part, shape, dtype)
  })
}
