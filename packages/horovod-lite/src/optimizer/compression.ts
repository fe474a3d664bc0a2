import * as tf from '@tensorflow/tfjs-core'

/** How float32 values are rounded before they travel: not, to IEEE half precision, or to bfloat16. */
export type Compression = 'none' | 'fp16' | 'bf16'

/** @throws where it is none of them */
export function requireCompression(compression: string): void {
  if (!['none', 'fp16', 'bf16'].includes(compression))
    throw new Error(`compression: got ${compression}, expected none, fp16 or bf16`)
}

/**
 * Values rounded to the nearest that the half type has, still as float32; in the graph. Ties go either way. Beyond the
 * largest (fp16: 65504) is ±Infinity. Other dtypes than float32 are left alone.
 */
export function compress(tensor: tf.Tensor, compression: Compression): tf.Tensor {
  if (compression === 'none' || tensor.dtype !== 'float32') return tensor
  return tf.tidy(() => {
    const size = tf.abs(tensor)
    const rounded = compression === 'fp16' ? toHalf(tensor, size) : toBfloat16(tensor, size)
    return tf.where(tf.less(size, Number.POSITIVE_INFINITY), rounded, tensor) // infinities and NaN stay
  })
}

/**
 * x rounded to 24 − bits significant bits: with c = (2^bits + 1)·x, c − (c − x)
 * (Veltkamp; Dekker, A floating-point technique for extending the available precision, 1971).
 */
function dropBits(x: tf.Tensor, bits: number): tf.Tensor {
  const c = tf.mul(x, 2 ** bits + 1)
  return tf.sub(c, tf.sub(c, x))
}

/** 11 significant bits; below 2^-14 multiples of 2^-24, which is float32's spacing around 0.75. */
function toHalf(x: tf.Tensor, size: tf.Tensor): tf.Tensor {
  const subnormal = tf.sub(tf.add(x, 0.75), 0.75)
  const finite = tf.where(tf.less(size, 2 ** -14), subnormal, dropBits(x, 13))
  return tf.where(tf.less(size, 65520), finite, tf.mul(x, Number.POSITIVE_INFINITY))
}

/** 8 significant bits, the exponents of float32. Large values are scaled, since 65537·x would overflow. */
function toBfloat16(x: tf.Tensor, size: tf.Tensor): tf.Tensor {
  const large = tf.mul(dropBits(tf.mul(x, 2 ** -32), 16), 2 ** 32)
  return tf.where(tf.less(size, 2 ** 96), dropBits(x, 16), large)
}
