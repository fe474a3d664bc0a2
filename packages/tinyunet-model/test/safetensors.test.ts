import { readFileSync } from 'node:fs'
import { decodeSafetensors, encodeSafetensors } from '@unet-industrial/tinyunet-model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toFloat32 } from '../src/safetensors'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url))

describe('a file that the safetensors package for Python wrote', () => {
  const { tensors, metadata } = decodeSafetensors(fixture('dtypes.safetensors'))
  const want: Record<string, { shape: number[]; values: (number | string)[] }> = JSON.parse(
    fixture('dtypes.json').toString(),
  )

  test('has all tensors and the metadata', () => {
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(want).sort())
    expect(metadata).toEqual({ 'made by': 'make_safetensors.py', quote: 'say "hi"' })
  })

  test.each(Object.keys(want))('%s', (name) => {
    const { shape, values } = want[name]!
    const { dtype, shape: got, data } = tensors[name]!
    expect(got).toEqual(shape)
    if (!['scalar', 'empty', 'ünïcode/"quoted"'].includes(name)) expect(dtype).toBe(name)
    const numbers =
      dtype === 'int64' || dtype === 'uint64' ? Array.from(data, Number) : [...toFloat32(name, tensors[name]!)]
    expect(numbers).toEqual(values.map((value) => (value === 'inf' ? Number.POSITIVE_INFINITY : Number(value))))
  })

  test('is written again with the same content', () => {
    expect(decodeSafetensors(encodeSafetensors(tensors, metadata))).toEqual({ tensors, metadata })
  })
})

test('whatever is encoded is decoded', () => {
  const tensor = fc
    .record({
      dtype: fc.constantFrom('float32', 'int32', 'uint8', 'bool', 'float64'),
      shape: fc.array(fc.nat(3), { maxLength: 4 }),
    })
    .chain(({ dtype, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return fc.record({
        dtype: fc.constant(dtype),
        shape: fc.constant(shape),
        data: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: size, maxLength: size }),
      })
    })
  const name = fc
    .oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '1'))
    .filter((n) => n !== '__metadata__')
  fc.assert(
    fc.property(fc.dictionary(name, tensor), fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
      const decoded = decodeSafetensors(encodeSafetensors(tensors, metadata))
      expect(Object.keys(decoded.tensors).sort()).toEqual(Object.keys(tensors).sort())
      expect({ ...decoded.metadata }).toEqual({ ...metadata })
      for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
        const got = Object.getOwnPropertyDescriptor(decoded.tensors, key)!.value
        expect([got.dtype, got.shape, [...got.data]]).toEqual([dtype, shape, data])
      }
    }),
    { numRuns: 200 },
  )
})

test('any damage to a file is an error or another valid file, never a crash', () => {
  const file = encodeSafetensors({ a: { dtype: 'float32', shape: [2], data: [1, 2] } }, { key: 'value' })
  fc.assert(
    fc.property(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length), (at, byte, length) => {
      const damaged = file.slice()
      damaged[at] = byte
      for (const bytes of [damaged, damaged.subarray(0, length)])
        try {
          decodeSafetensors(bytes)
        } catch (error) {
          expect((error as Error).message).toMatch(/^not a valid safetensors file: /)
        }
    }),
    { numRuns: 2000 },
  )
})

describe('hostile and damaged files', () => {
  const file = (header: string, data = 0, length = BigInt(new TextEncoder().encode(header).length)) => {
    const text = new TextEncoder().encode(header)
    const bytes = new Uint8Array(8 + text.length + data)
    new DataView(bytes.buffer).setBigUint64(0, length, true)
    bytes.set(text, 8)
    return bytes
  }
  const entry = (dtype: string, shape: unknown, offsets: unknown) =>
    `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":${JSON.stringify(offsets)}}`
  const f32 = (begin: number, end: number) => entry('F32', [(end - begin) / 4], [begin, end])

  test.each([
    ['too short', new Uint8Array(7), 'got 7 bytes, expected at least 8'],
    ['header of 2^63 bytes', file('{}', 0, 2n ** 63n), 'claims 9223372036854775808 bytes, expected at most 100000000'],
    ['header of 100,000,001 bytes', file('{}', 0, 100_000_001n), 'claims 100000001 bytes, expected at most'],
    ['header beyond the file', file('{}', 0, 3n), 'claims 3 bytes, but only 2 follow; it is truncated'],
    ['no JSON', file('{"a":'), 'the header is not JSON'],
    ['a list', file('[]'), 'the header is not a JSON object'],
    ['leading space', file(' {}'), 'the header is not a JSON object'],
    ['no UTF-8', new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), 'the header is not UTF-8'],
    ['a name twice', file(`{"a":${f32(0, 4)},"\\u0061":${f32(0, 4)}}`, 4), 'has the key "a" twice'],
    [
      'a field twice',
      file('{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}', 4),
      'key "dtype" twice',
    ],
    ['metadata of numbers', file('{"__metadata__":{"a":1}}'), '__metadata__ is not an object of strings'],
    ['an unknown dtype', file(`{"a":${entry('F4', [1], [0, 4])}}`, 4), 'tensor a: unknown dtype "F4"'],
    ['a missing field', file('{"a":{"dtype":"F32"}}'), 'tensor a: shape is undefined'],
    ['a negative side', file(`{"a":${entry('F32', [-1, -1], [0, 4])}}`, 4), 'tensor a: shape is [-1,-1]'],
    [
      'an overflowing shape',
      file(`{"a":${entry('F32', [2 ** 40, 2 ** 40], [0, 4])}}`, 4),
      'has 4 bytes, expected 4.8357',
    ],
    [
      'sizes that differ',
      file(`{"a":${entry('F32', [2], [0, 4])}}`, 4),
      'has 4 bytes, expected 8 for shape [2] of F32',
    ],
    ['offsets in reverse', file(`{"a":${entry('F32', [1], [4, 0])}}`, 4), 'has -4 bytes'],
    ['negative offsets', file(`{"a":${entry('F32', [1], [-4, 0])}}`, 4), 'data_offsets is [-4,0]'],
    ['offsets beyond the data', file(`{"a":${f32(0, 8)}}`, 4), 'tensor a ends at byte 8 of the data, which has 4'],
    ['overlap', file(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12), 'tensor b begins at byte 4 of the data, expected 8'],
    ['a hole', file(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12), 'tensor b begins at byte 8 of the data, expected 4'],
    ['bytes at the end', file(`{"a":${f32(0, 4)}}`, 5), '5 bytes of data, expected 4; bytes after the last tensor'],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message)
  })

  test('a colon or a brace inside a string is no key', () => {
    const tricky = { 'a":{"a': { dtype: 'float32', shape: [1], data: [1] } }
    expect(Object.keys(decodeSafetensors(encodeSafetensors(tricky, { 'x{': '"a":' })).tensors)).toEqual(['a":{"a'])
  })
})

test('what cannot be encoded is named', () => {
  const encode = (dtype: string, shape: number[], data: number[]) => () =>
    encodeSafetensors({ a: { dtype, shape, data } })
  expect(encode('float32', [2], [1])).toThrow('tensor a: got 1 values, expected 2 for shape [2]')
  expect(encode('complex64', [1], [1])).toThrow('tensor a: got dtype complex64, expected one of float64')
})
