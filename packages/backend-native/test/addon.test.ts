import { beforeAll, describe, expect, it } from 'vitest'
import type { Addon } from '../src/addon'
import { loadNative } from './support/native'

// Whatever JavaScript hands over, the addon answers with an exception, never with a stray read or write.

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

const floats = (count: number) => new Float32Array(count)
const ints = (...numbers: number[]) => Int32Array.from(numbers)
const conv = (changes: Partial<Record<number, number>> = {}) =>
  Object.assign(ints(1, 4, 4, 2, 4, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1), changes)

type Call = [what: string, call: () => void, message: RegExp]
const wrong: Call[] = [
  ['lengths that differ', () => addon.unary(0, floats(8), 0, floats(9)), /argument 1 has 8 elements, expected 9/],
  ['an unknown operation', () => addon.unary(99, floats(8), 0, floats(8)), /argument 0 is 99, expected 0 to/],
  ['NaN for an operation', () => addon.unary(Number.NaN, floats(8), 0, floats(8)), /argument 0/],
  ['another kind of array', () => addon.unary(0, ints(1) as never, 0, floats(1)), /right kind of typed array/],
  ['no array', () => addon.unary(0, undefined as never, 0, floats(1)), /right kind of typed array/],
  ['a missing argument', () => (addon.fill as (x: number) => void)(1), /got 1 arguments, expected 2/],
  [
    'a stride beyond a',
    () => addon.binary(0, ints(4, 2, 1), floats(4), floats(4), floats(4)),
    /reaches element 6 and 3/,
  ],
  ['a negative stride', () => addon.binary(0, ints(4, -1, 1), floats(4), floats(4), floats(4)), /negative/],
  ['a negative size', () => addon.binary(0, ints(-4, 1, 1), floats(4), floats(4), floats(4)), /negative/],
  ['a shape cut short', () => addon.binary(0, ints(4, 1), floats(4), floats(4), floats(4)), /numbers for a shape/],
  [
    'too large a size',
    () => addon.binary(0, ints(2e9, 2e9, 0, 0, 0, 0), floats(1), floats(1), floats(1)),
    /too many|expected/,
  ],
  [
    'a choice of the wrong length',
    () => addon.select(new Uint8Array(3), floats(4), floats(4), floats(4)),
    /argument 0 has 3/,
  ],
  ['a copy beyond y', () => addon.copy(ints(4, 1, 1), floats(4), 0, floats(4), 1), /reaches element/],
  ['an offset beyond x', () => addon.copy(ints(1, 1, 1), floats(4), 5, floats(4), 0), /reaches element/],
  ['no inputs', () => addon.addN([], floats(4)), /not an array of inputs/],
  ['inputs that differ', () => addon.addN([floats(4), floats(5)], floats(4)), /5 elements, expected 4/],
  ['nothing to reduce', () => addon.reduce(0, 1, 0, 1, floats(0), floats(1)), /nothing to reduce/],
  ['a wrong x', () => addon.conv2d(conv(), floats(31), floats(54), null, 0, 0, floats(48)), /31 elements, expected 32/],
  ['a wrong y', () => addon.conv2d(conv(), floats(32), floats(54), null, 0, 0, floats(47)), /47 elements, expected 48/],
  ['a stride of 0', () => addon.conv2d(conv({ 9: 0 }), floats(32), floats(54), null, 0, 0, floats(48)), /field 9/],
  [
    'a negative padding',
    () => addon.conv2d(conv({ 14: -1 }), floats(32), floats(54), null, 0, 0, floats(48)),
    /field 14/,
  ],
  ['a huge stride', () => addon.conv2d(conv({ 9: 2 ** 30 }), floats(32), floats(54), null, 0, 0, floats(48)), /window/],
  [
    'a matrix of another size',
    () => addon.matMul(ints(1, 2, 3, 4, 0, 0, 0, 0), floats(6), floats(11), floats(8)),
    /11/,
  ],
  ['a state cut short', () => addon.rmsprop([floats(2)], [], 0, 0, 0, 0), /right kind of typed array/],
  ['no buffer', () => addon.release({} as never), /not an ArrayBuffer/],
]

describe('the addon refuses', () => {
  it.each(wrong)('%s', (_, call, message) => {
    expect(call).toThrow(message)
  })

  it('memory that was given back', () => {
    const x = floats(1 << 16)
    addon.release(x.buffer as ArrayBuffer)
    expect(() => addon.fill(1, x)).not.toThrow() // it has no elements left
    expect(x.length).toBe(0)
    expect(() => addon.unary(0, x, 0, floats(1 << 16))).toThrow(/0 elements/)
  })
})
