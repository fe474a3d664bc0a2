import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../src/half'
import type { Reduction, WireType } from '../../src/transports/transport'
import { chance } from './random'

export const TYPES = ['float32', 'int32', 'bool', 'float16', 'bfloat16'] as const satisfies WireType[]
export const REDUCTIONS = ['Sum', 'Min', 'Max', 'Product'] as const satisfies Reduction[]
export type NumberType = (typeof TYPES)[number]

const own = (bytes: Uint8Array) => new Uint8Array(bytes).buffer // aligned

/** Elements as numbers. */
export function decode(bytes: Uint8Array, type: NumberType): number[] {
  if (type === 'float32') return [...new Float32Array(own(bytes))]
  if (type === 'int32') return [...new Int32Array(own(bytes))]
  if (type === 'bool') return [...bytes]
  return [...(type === 'float16' ? fromFloat16 : fromBfloat16)(new Uint16Array(own(bytes)))]
}

export function encode(values: readonly number[], type: NumberType): Uint8Array<ArrayBuffer> {
  if (type === 'bool') return Uint8Array.from(values)
  const typed =
    type === 'int32'
      ? Int32Array.from(values)
      : type === 'float32'
        ? Float32Array.from(values)
        : (type === 'float16' ? toFloat16 : toBfloat16)(Float32Array.from(values))
  return new Uint8Array(typed.buffer as ArrayBuffer)
}

/** One element with another, as the type rounds or wraps. */
export function reduceNumbers(a: number, b: number, type: NumberType, op: Reduction): number {
  if (type === 'bool') return op === 'Sum' || op === 'Max' ? Number(a === 1 || b === 1) : Number(a === 1 && b === 1)
  if (type === 'int32' && op === 'Product') return Number(BigInt.asIntN(32, BigInt(a) * BigInt(b)))
  if (type === 'int32' && op === 'Sum') return Number(BigInt.asIntN(32, BigInt(a) + BigInt(b)))
  if (op === 'Min' || op === 'Max') {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN
    return (op === 'Min') === (a < b || (a === b && Object.is(a, -0))) ? a : b
  }
  return decode(encode([Math.fround(op === 'Sum' ? a + b : a * b)], type), type)[0]!
}

/** The same random elements for a seed; floats of all sizes, some special. */
export function randomElements(seed: number, count: number, type: NumberType): Uint8Array<ArrayBuffer> {
  const random = chance(seed)
  const special = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40, 65504, 3e38]
  const one = () => {
    if (type === 'bool') return Math.floor(2 * random())
    if (type === 'int32') return Math.floor((random() - 0.5) * 2 ** (1 + 31 * random()))
    if (random() < 0.05) return special[Math.floor(random() * special.length)]!
    return (random() - 0.5) * 2 ** Math.floor(20 * random() - 10)
  }
  return encode(Array.from({ length: count }, one), type)
}
