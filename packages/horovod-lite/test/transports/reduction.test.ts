import { describe, expect, test } from 'vitest'
import { bytesOf, fillNeutral, reduceInto } from '../../src/transports/reduction'
import {
  decode,
  encode,
  type NumberType,
  REDUCTIONS,
  randomElements,
  reduceNumbers,
  TYPES,
} from '../support/plain-reduction'

/** More than a block of halves, and no multiple of four. */
const COUNT = 9001

/** A copy that begins `offset` bytes into its buffer. */
function at(offset: number, bytes: Uint8Array): Uint8Array {
  const moved = new Uint8Array(bytes.byteLength + offset).subarray(offset)
  moved.set(bytes)
  return moved
}

describe.each(TYPES)('%s', (type) => {
  test.each(REDUCTIONS)('%s is the plain loop, aligned or not, and leaves its source alone', (op) => {
    const [a, b] = [randomElements(1, COUNT, type), randomElements(2, COUNT, type)]
    const [x, y] = [decode(a, type), decode(b, type)]
    const expected = x.map((value, i) => reduceNumbers(value, y[i]!, type, op))
    for (const offset of [0, 1, 2, 4, 6]) {
      const [target, source] = [at(offset, a), at(offset && offset - 1, b)]
      reduceInto(target, source, type, op)
      expect(decode(target, type)).toEqual(expected)
      expect(decode(source, type)).toEqual(y)
    }
  })

  test.each(REDUCTIONS)('%s in memory that threads share', (op) => {
    const [a, b] = [randomElements(3, 37, type), randomElements(4, 37, type)]
    const expected = new Uint8Array(a)
    reduceInto(expected, b, type, op)
    const shared = new Uint8Array(new SharedArrayBuffer(a.byteLength))
    shared.set(a)
    reduceInto(shared, b, type, op)
    expect(new Uint8Array(shared)).toEqual(expected)
  })

  test.each(REDUCTIONS)('the neutral element of %s changes nothing', (op) => {
    const data = randomElements(5, 101, type)
    const before = decode(data, type)
    for (const order of ['left', 'right']) {
      const neutral = new Uint8Array(data.byteLength)
      fillNeutral(neutral, type, op)
      const [target, source] = order === 'left' ? [neutral, data] : [new Uint8Array(data), neutral]
      reduceInto(target, source, type, op)
      expect(decode(target, type).map((x) => x + 0)).toEqual(before.map((x) => x + 0)) // −0 + 0 is 0
    }
  })

  test('nothing to reduce', () => {
    for (const op of REDUCTIONS) reduceInto(new Uint8Array(), new Uint8Array(), type, op)
  })
})

const reduced = (type: NumberType, op: (typeof REDUCTIONS)[number], a: number[], b: number[]) => {
  const target = encode(a, type)
  reduceInto(target, encode(b, type), type, op)
  return decode(target, type)
}

test('int32 wraps', () => {
  const [largest, least] = [2 ** 31 - 1, -(2 ** 31)]
  expect(reduced('int32', 'Sum', [largest, least, largest], [1, -1, largest])).toEqual([least, largest, -2])
  expect(reduced('int32', 'Product', [65536, 123456789, least], [65536, 987654321, -1])).toEqual([0, -67153019, least])
})

test('halves are added in float32 and rounded once', () => {
  expect(reduced('float16', 'Sum', [2048, 60000], [1, 60000])).toEqual([2048, Number.POSITIVE_INFINITY])
  expect(reduced('bfloat16', 'Sum', [256, 3e38], [1, 3e38])).toEqual([256, Number.POSITIVE_INFINITY])
})

test('NaN stays NaN', () => {
  for (const type of ['float32', 'float16', 'bfloat16'] as const)
    for (const op of REDUCTIONS) {
      expect(reduced(type, op, [Number.NaN], [1])).toEqual([Number.NaN])
      expect(reduced(type, op, [1], [Number.NaN])).toEqual([Number.NaN])
    }
})

test('bytes are no numbers', () => {
  expect(bytesOf.bytes).toBe(1)
  expect(() => reduceInto(new Uint8Array(1), new Uint8Array(1), 'bytes', 'Sum')).toThrow(
    'got bytes to reduce, expected numbers',
  )
})
