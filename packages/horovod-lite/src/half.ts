/** IEEE half precision and bfloat16: rounding to nearest, ties to even; subnormals, infinities and NaN kept. */

/** Float32 values as the bits of float16; beyond 65504 (rounded) ±Infinity. */
export function toFloat16(values: Float32Array, target: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i]!
    const magnitude = b & 0x7fffffff
    const sign = (b >>> 16) & 0x8000
    if (magnitude < 0x38800000) {
      // below 2^-14: a multiple of 2^-24, which is what float32 rounds to from 0.5 on
      target[i] = sign | ((Math.fround(Math.abs(values[i]!) + 0.5) - 0.5) * 2 ** 24)
    } else if (magnitude < 0x47800000) {
      // 11 significant bits; a carry goes on into the exponent, and from 65520 to infinity
      target[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
    } else target[i] = sign | (magnitude > 0x7f800000 ? 0x7e00 | ((magnitude >>> 13) & 0x3ff) : 0x7c00)
  }
  return target
}

let table: Uint32Array | undefined

/** float32's bits of every float16. */
function float16Table(): Uint32Array {
  if (table) return table
  const values = new Float32Array(65536)
  table = new Uint32Array(values.buffer)
  for (let half = 0; half < 65536; half++) {
    const exponent = (half >>> 10) & 31
    const fraction = half & 0x3ff
    const sign = (half & 0x8000) << 16
    if (exponent === 0) values[half] = (sign ? -1 : 1) * fraction * 2 ** -24
    else table[half] = sign | (exponent === 31 ? 0x7f800000 : (exponent + 112) << 23) | (fraction << 13)
  }
  return table
}

/** The values of float16's bits. */
export function fromFloat16(halves: Uint16Array, target: Float32Array = new Float32Array(halves.length)): Float32Array {
  const wide = float16Table()
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length) // as numbers NaN's bits would not survive
  for (let i = 0; i < halves.length; i++) bits[i] = wide[halves[i]!]!
  return target
}

/** Float32 values as the bits of bfloat16. */
export function toBfloat16(values: Float32Array, target: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i]!
    target[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16
  }
  return target
}

/** The values of bfloat16's bits. */
export function fromBfloat16(
  halves: Uint16Array,
  target: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length)
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16
  return target
}
