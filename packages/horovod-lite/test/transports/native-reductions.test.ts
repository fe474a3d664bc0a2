import { describe, expect, test } from 'vitest'
import { loadNative, reductionNumber, wireNumber } from '../../src/transports/native'
import { bytesOf, reduceInto } from '../../src/transports/reduction'
import type { Reduction, WireType } from '../../src/transports/transport'
import { randomBits } from '../support/random'

// The addon's reductions against the plain ones, which are their specification.

const addon = loadNative()
const types = ['float32', 'int32', 'bool', 'float16', 'bfloat16'] as const
const ops = ['Sum', 'Min', 'Max', 'Product'] as const
const pairs = types.flatMap((type) => ops.map((op) => [type, op] as const))

if ('reason' in addon) describe.skip(`reductions in C (${addon.reason})`, () => test('all', () => {}))
else
  describe.each([
    ['for this processor', 'reduce'],
    ['for any processor', 'reducePortable'],
  ] as const)('reductions in C, %s', (_, call) => {
    const reduce = (target: Uint8Array, x: Uint8Array, y: Uint8Array, type: WireType, op: Reduction) => {
      const [t, a, b] = [target, x, y].map((array) => addon.addressOf(array)) as [number, number, number]
      addon[call](t, a, b, target.byteLength, wireNumber(type), reductionNumber(op))
    }
    const expected = (x: Uint8Array, y: Uint8Array, type: WireType, op: Reduction) => {
      const result = x.slice()
      reduceInto(result, y, type, op)
      return numbers(result, type)
    }

    test.each(pairs)('%s %s: every length, at every address, into either operand', (type, op) => {
      const unit = bytesOf[type]
      for (let length = 0; length <= 70; length++)
        for (const offset of [0, 1, 4]) {
          const [x, y] = [1, 2].map((seed) => numbersLike(type, length, seed * 1000 + length, offset)) as [
            Uint8Array,
            Uint8Array,
          ]
          const want = expected(x, y, type, op)
          const guarded = new Uint8Array(length * unit + 16).fill(0xa5)
          reduce(guarded.subarray(8, 8 + length * unit), x, y, type, op)
          expect(numbers(guarded.subarray(8, 8 + length * unit), type)).toEqual(want)
          expect(
            [...guarded.subarray(0, 8), ...guarded.subarray(8 + length * unit)].every((byte) => byte === 0xa5),
          ).toBe(true)
          const [left, right] = [shifted(x, offset), shifted(y, offset)]
          reduce(left, left, y, type, op)
          reduce(right, x, right, type, op)
          expect(numbers(left, type)).toEqual(want)
          expect(numbers(right, type)).toEqual(want)
        }
    })

    test.each(pairs)('%s %s: numbers at the borders, each with each', (type, op) => {
      const border = borders[type]
      const x = fill(
        type,
        border.flatMap((a) => border.map(() => a)),
      )
      const y = fill(
        type,
        border.flatMap(() => border),
      )
      const result = new Uint8Array(x.byteLength)
      reduce(result, x, y, type, op)
      expect(numbers(result, type)).toEqual(expected(x, y, type, op))
    })

    test.each(['float16', 'bfloat16'] as const)('%s: all 65,536 values are widened and rounded alike', (type) => {
      const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
      const x = new Uint8Array(all.buffer)
      for (const half of [0x0000, 0x8000, 0x3c01, 0x0001, 0x3f81, 0x1c00, 0x7bff]) {
        const y = new Uint8Array(new Uint16Array(65536).fill(half).buffer)
        for (const op of ops) {
          const result = new Uint8Array(x.byteLength)
          reduce(result, x, y, type, op)
          expect(numbers(result, type)).toEqual(expected(x, y, type, op))
        }
      }
    })

    test('refuses what is no type or operation', () => {
      const at = addon.addressOf(new Uint8Array(4))
      expect(() => addon[call](at, at, at, 4, wireNumber('bytes'), 0)).toThrow('out of its range')
      expect(() => addon[call](at, at, at, 4, 0, 4)).toThrow('out of its range')
    })

    test('finds memory that threads share', () => {
      const shared = new Float32Array(new SharedArrayBuffer(32))
      expect(addon.addressOf(shared.subarray(2)) - addon.addressOf(shared)).toBe(8)
      const bytes = new Uint8Array(shared.buffer)
      reduce(
        bytes,
        fill('float32', Array(8).fill(0x3f800000)),
        fill('float32', Array(8).fill(0x40000000)),
        'float32',
        'Sum',
      )
      expect([...shared]).toEqual(Array(8).fill(3))
    })
  })

/** Bits at the borders of each type. */
const borders: Record<(typeof types)[number], number[]> = {
  float32: [
    0, 0x80000000, 1, 0x80000001, 0x7fffff, 0x800000, 0x3f800000, 0xbf800000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
    0xff800000, 0x7fc00000,
  ],
  int32: [0, 1, -1, 2, 46341, 65536, 2 ** 31 - 1, -(2 ** 31)],
  bool: [0, 1],
  float16: [0, 0x8000, 1, 0x8001, 0x3ff, 0x400, 0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x7c01],
  bfloat16: [0, 0x8000, 1, 0x8001, 0x7f, 0x80, 0x3f80, 0xbf80, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0x7f81],
}

/** Numbers by their bits. */
function fill(type: WireType, bits: readonly number[]): Uint8Array {
  const unit = bytesOf[type]
  const bytes = new Uint8Array(bits.length * unit)
  const view = new DataView(bytes.buffer)
  for (const [i, number] of bits.entries()) {
    if (unit === 4) view.setUint32(4 * i, number, true)
    else if (unit === 2) view.setUint16(2 * i, number, true)
    else view.setUint8(i, number)
  }
  return bytes
}

const shifted = (bytes: Uint8Array, offset: number): Uint8Array => {
  const copy = new Uint8Array(bytes.byteLength + offset).subarray(offset)
  copy.set(bytes)
  return copy
}

/** Random ones (of any size, since bits are), `offset` bytes after an aligned address. */
function numbersLike(type: WireType, length: number, seed: number, offset: number): Uint8Array {
  const bits = randomBits(seed)
  const next = () => {
    const drawn = bits()
    return (drawn ^ (drawn >>> 15)) >>> 0
  }
  return shifted(
    fill(
      type,
      Array.from({ length }, () => (type === 'bool' ? next() & 1 : next())),
    ),
    offset,
  )
}

/** Bits, and NaN for every NaN: which one it is, is nobody's business. */
function numbers(bytes: Uint8Array, type: WireType): number[] {
  const unit = bytesOf[type]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const exponent: Partial<Record<WireType, [mask: number, infinity: number]>> = {
    float32: [0x7fffffff, 0x7f800000],
    float16: [0x7fff, 0x7c00],
    bfloat16: [0x7fff, 0x7f80],
  }
  const [mask, infinity] = exponent[type] ?? [0, 0]
  return Array.from({ length: bytes.byteLength / unit }, (_, i) => {
    const bits = unit === 4 ? view.getUint32(4 * i, true) : unit === 2 ? view.getUint16(2 * i, true) : view.getUint8(i)
    return (bits & mask) > infinity ? Number.NaN : bits
  })
}
