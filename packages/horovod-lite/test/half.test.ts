import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../src/half'

const formats = [
  { name: 'float16', exponentBits: 5, fractionBits: 10, to: toFloat16, from: fromFloat16 },
  { name: 'bfloat16', exponentBits: 8, fractionBits: 7, to: toBfloat16, from: fromBfloat16 },
]
type Format = (typeof formats)[number]

/** IEEE 754's definition of a number's value. */
function meaning(half: number, { exponentBits, fractionBits }: Format): number {
  const bias = 2 ** (exponentBits - 1) - 1
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half & 0x7fff) >> fractionBits
  const fraction = (half & (2 ** fractionBits - 1)) / 2 ** fractionBits
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias))
}

const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
const signOf = (x: number) => (Object.is(x, -0) || x < 0 ? 0x8000 : 0)

describe.each(formats)('$name', (format) => {
  const { to, from, exponentBits, fractionBits } = format
  const infinity = (2 ** exponentBits - 1) << fractionBits
  /** Magnitudes in order; where infinity is, what would come next if the exponents went on. */
  const magnitudes = Float64Array.from({ length: infinity + 1 }, (_, bits) =>
    bits < infinity ? meaning(bits, format) : 2 * meaning(infinity - 2 ** fractionBits, format),
  )

  /** Nearest by search, ties to the even bits. */
  function nearest(x: number): number {
    if (Math.abs(x) >= magnitudes[infinity]!) return signOf(x) | infinity
    let [low, high] = [0, infinity]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (magnitudes[middle]! <= Math.abs(x)) low = middle
      else high = middle
    }
    const [below, above] = [Math.abs(x) - magnitudes[low]!, magnitudes[high]! - Math.abs(x)]
    const up = above < below || (above === below && low % 2 === 1)
    return signOf(x) | (up ? high : low)
  }

  test('every value is what its bits say', () => {
    const values = from(all)
    const wrong = all.filter((half) => !Object.is(values[half], meaning(half, format)))
    expect(wrong).toEqual(new Uint16Array())
  })

  test('every value comes back as the same bits; NaN as a NaN of the same sign', () => {
    const back = to(from(all))
    const wrong = all.filter((half) => {
      const nan = Number.isNaN(meaning(half, format))
      const same = back[half] === half
      return nan ? !(Number.isNaN(meaning(back[half]!, format)) && ((back[half]! ^ half) & 0x8000) === 0) : !same
    })
    expect(wrong).toEqual(new Uint16Array())
  })

  test('between any two neighbours the nearest is taken, in the middle the even one', () => {
    const inputs = [...magnitudes.keys()].slice(0, infinity).flatMap((bits) => {
      const [low, high] = [magnitudes[bits]!, magnitudes[bits + 1]!]
      const middle = Math.fround((low + high) / 2)
      const gap = (high - low) / 16
      return [middle, middle - gap, middle + gap, -middle].map(Math.fround)
    })
    const rounded = to(Float32Array.from(inputs))
    const wrong = inputs.filter((x, i) => rounded[i] !== nearest(x))
    expect(wrong).toEqual([])
  })

  test('any float32 becomes the nearest', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        expect(to(Float32Array.of(x))[0]).toBe(nearest(x))
      }),
      { numRuns: 2000 },
    )
  })

  test('NaN whose bits would be cut away stays NaN', () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fc00000).buffer)
    for (const half of to(nan)) expect(meaning(half, format)).toBeNaN()
  })
})

test('of float16: known numbers', () => {
  const values = Float32Array.of(1, -2, 65504, 65519, 65520, 2 ** -24, 2 ** -25, 2 ** -25 * 1.5, 2 ** -14, -0)
  expect([...toFloat16(values)]).toEqual([
    0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x0001, 0x0400, 0x8000,
  ])
})

test('of bfloat16: known numbers', () => {
  const values = Float32Array.of(1, -2, 3.3895314e38, 3.4028235e38, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -0)
  expect([...toBfloat16(values)]).toEqual([0x3f80, 0xc000, 0x7f7f, 0x7f80, 0x3f80, 0x3f82, 0x8000])
})
