import fc from 'fast-check'
import { encode, type PngDataArray } from 'fast-png'
import { describe, expect, test } from 'vitest'
import { decodePng, encodePng } from '../src/index'
import { decodeGrey, pngSize } from '../src/raster/png'
import { randomRaster } from './helpers'

const png = (channels: number, depth: 8 | 16, data: PngDataArray, width = 2, height = 1) =>
  encode({ width, height, channels, depth, data })

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.nat(), (width, height, seed) => {
      const raster = randomRaster(width, height, seed)
      const bytes = encodePng(raster)
      expect(pngSize(bytes, 'it')).toEqual({ width, height })
      expect(decodeGrey(bytes, 'it')).toEqual({ raster, converted: null })
    }),
    { numRuns: 30 },
  )
})

describe('other kinds of PNG become 8-bit grey', () => {
  test.each([
    ['RGB', png(3, 8, Uint8Array.of(255, 0, 0, 0, 255, 0)), [76, 150]],
    ['RGBA', png(4, 8, Uint8Array.of(0, 0, 255, 9, 255, 255, 255, 0)), [29, 255]],
    ['grey with alpha', png(2, 8, Uint8Array.of(7, 0, 200, 255)), [7, 200]],
    ['16-bit', png(1, 16, Uint16Array.of(65535, 257 * 100 + 100)), [255, 100]],
    ['16-bit RGB', png(3, 16, Uint16Array.of(65535, 65535, 65535, 0, 0, 0)), [255, 0]],
  ])('%s', (kind, bytes, expected) => {
    const { raster, converted } = decodeGrey(bytes, 'it')
    expect(Array.from(raster.data)).toEqual(expected)
    expect(converted).toBe(kind)
  })

  // Written byte by byte: 1-bit grey 10 x 2 (rows 1010101010 and 0101010101) and a palette of red, green, blue (2 x 2).
  test('1-bit', () => {
    const bytes = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAoAAAACAQAAAABJGnB9AAAADklEQVR4nGNY1cAQ6gAABkIBwEvmbKkAAAAASUVORK5CYII=',
      'base64',
    )
    const { raster, converted } = decodeGrey(bytes, 'it')
    const row = [255, 0, 255, 0, 255, 0, 255, 0, 255, 0]
    expect(raster).toEqual({ width: 10, height: 2, data: Uint8Array.from([...row, ...row.toReversed()]) })
    expect(converted).toBe('1-bit')
  })
  test('palette', () => {
    const { raster, converted } = decodeGrey(
      Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAMAAABFaP0WAAAACVBMVEX/AAAA/wAAAP8tSs2KAAAADklEQVR4nGNgYGRgYgAAAA4ABMaIfPgAAAAASUVORK5CYII=',
        'base64',
      ),
      'it',
    )
    expect(Array.from(raster.data)).toEqual([76, 150, 29, 76])
    expect(converted).toBe('palette colours')
  })
})

describe('what is no whole PNG is refused, by name and in one line', () => {
  const whole = encodePng(randomRaster(24, 24, 1))
  test('truncated anywhere, as a file of its own or inside a larger buffer', () => {
    for (let length = 8; length < whole.length; length++) {
      const inside = whole.subarray(0, length)
      for (const bytes of [inside, inside.slice()])
        expect(() => decodePng(bytes, 'dir/a.PNG'), `${length} bytes`).toThrow(/^dir\/a\.PNG: truncated.*$/)
    }
  })
  test('one damaged byte in the pixels', () => {
    const damaged = whole.slice()
    damaged[100]! ^= 1
    expect(() => decodePng(damaged, 'a.PNG')).toThrow(/^a\.PNG: truncated or damaged PNG \(.*\); get the file again$/)
  })
  test.each([
    ['empty', new Uint8Array(), 'a.PNG: not a PNG (it is empty); expected a PNG'],
    ['JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), 'a.PNG: not a PNG (it begins with ff d8 ff e0); expected a PNG'],
  ])('%s', (_, bytes, message) => {
    expect(() => decodePng(bytes, 'a.PNG')).toThrow(message)
  })
  test('of a size that would take all memory', () => {
    const huge = whole.slice()
    new DataView(huge.buffer).setUint32(16, 0x7fffffff)
    expect(() => decodePng(huge, 'a.PNG')).toThrow('a.PNG: got 2147483647x24 pixels, expected 1 to 67108864 of them')
  })
})
