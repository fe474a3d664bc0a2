import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawEllipses, type Raster, transformRaster } from '../src/index'
import { resizeArea, resizeNearest } from '../src/raster/resize'
import { randomRaster } from './helpers'

const rasters = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.nat())
  .map(([width, height, seed]) => randomRaster(width, height, seed))
const turn = (raster: Raster, quarterTurns = 1) => transformRaster(raster, { flip: false, quarterTurns })
const flip = (raster: Raster) => transformRaster(raster, { flip: true, quarterTurns: 0 })

describe('flips and quarter turns', () => {
  test('are those of NumPy', () => {
    const raster = { width: 3, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }
    expect(turn(raster)).toEqual({ width: 2, height: 3, data: Uint8Array.of(3, 6, 2, 5, 1, 4) })
    expect(turn(raster, 2)).toEqual({ width: 3, height: 2, data: Uint8Array.of(6, 5, 4, 3, 2, 1) })
    expect(flip(raster)).toEqual({ width: 3, height: 2, data: Uint8Array.of(3, 2, 1, 6, 5, 4) })
    expect(transformRaster(raster, { flip: true, quarterTurns: 1 })).toEqual(turn(flip(raster)))
  })
  test('four quarter turns and two flips are the identity; k turns are k times one', () => {
    fc.assert(
      fc.property(rasters, fc.integer({ min: 0, max: 3 }), (raster, k) => {
        expect(turn(turn(turn(turn(raster))))).toEqual(raster)
        expect(flip(flip(raster))).toEqual(raster)
        let turned = raster
        for (let i = 0; i < k; i++) turned = turn(turned)
        expect(turn(raster, k)).toEqual(turned)
      }),
    )
  })
  test('a flip and a turn make the eight symmetries of a square, all different', () => {
    const raster = randomRaster(3, 3, 1)
    const all = [false, true].flatMap((flip) =>
      [0, 1, 2, 3].map((k) => transformRaster(raster, { flip, quarterTurns: k })),
    )
    expect(new Set(all.map(({ data }) => data.join())).size).toBe(8)
  })
})

describe('resizing', () => {
  test('to the same size changes nothing', () => {
    fc.assert(
      fc.property(rasters, (raster) => {
        expect(resizeArea(raster, raster.width, raster.height)).toEqual(raster)
        expect(resizeNearest(raster, raster.width, raster.height)).toEqual(raster)
      }),
    )
  })
  test('by area averages what a pixel covers, parts too', () => {
    const raster = { width: 4, height: 2, data: Uint8Array.of(0, 100, 10, 20, 100, 200, 30, 40) }
    expect(Array.from(resizeArea(raster, 2, 1).data)).toEqual([100, 25])
    const three = { width: 3, height: 1, data: Uint8Array.of(30, 60, 90) }
    expect(Array.from(resizeArea(three, 2, 1).data)).toEqual([40, 80]) // (30 + 60/2) / 1.5, (60/2 + 90) / 1.5
  })
  test('by area keeps the mean', () => {
    fc.assert(
      fc.property(
        rasters,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (raster, width, height) => {
          const mean = ({ data }: Raster) => data.reduce((sum, value) => sum + value, 0) / data.length
          expect(Math.abs(mean(resizeArea(raster, width, height)) - mean(raster))).toBeLessThanOrEqual(0.51)
        },
      ),
    )
  })
  test('nearest makes no new values', () => {
    fc.assert(
      fc.property(
        rasters,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (raster, width, height) => {
          const old = new Set(raster.data)
          for (const value of resizeNearest(raster, width, height).data) expect(old).toContain(value)
        },
      ),
    )
  })
})

describe('ellipses', () => {
  const ellipse = fc.record({
    a: fc.double({ min: 0.5, max: 20, noNaN: true }),
    b: fc.double({ min: 0.5, max: 20, noNaN: true }),
    angle: fc.double({ min: -7, max: 7, noNaN: true }),
    x: fc.double({ min: -10, max: 40, noNaN: true }),
    y: fc.double({ min: -10, max: 40, noNaN: true }),
  })
  test('are drawn as the rule says at every pixel, cut by the borders', () => {
    fc.assert(
      fc.property(ellipse, (e) => {
        const { data } = drawEllipses([e], 31, 23)
        const expected = data.map((_, i) => {
          const [dx, dy] = [(i % 31) - (e.x - 1), Math.floor(i / 31) - (e.y - 1)]
          const u = dx * Math.cos(e.angle) + dy * Math.sin(e.angle)
          const v = -dx * Math.sin(e.angle) + dy * Math.cos(e.angle)
          return (u / e.a) ** 2 + (v / e.b) ** 2 <= 1 ? 255 : 0
        })
        expect(data).toEqual(expected)
      }),
    )
  })
  test('of one image are joined', () => {
    const [one, two] = [
      { a: 3, b: 2, angle: 0, x: 5, y: 5 },
      { a: 2, b: 4, angle: 1, x: 9, y: 8 },
    ]
    const [first, second] = [drawEllipses([one], 16, 16), drawEllipses([two], 16, 16)]
    expect(drawEllipses([one, two], 16, 16).data).toEqual(first.data.map((value, i) => value | second.data[i]!))
  })
})
