import type { Random } from '../random'

/** A picture of real numbers, row by row. */
export interface Field {
  width: number
  height: number
  data: Float32Array
}

/** A field from a function of column and row. */
export function field(width: number, height: number, at: (x: number, y: number) => number): Field {
  const data = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++) data[i++] = at(x, y)
  return { width, height, data }
}

/** A weighted sum of fields of one size. */
export const mix = (...terms: [weight: number, field: Field][]): Field => ({
  ...terms[0]![1],
  data: terms[0]![1].data.map((_, i) => terms.reduce((sum, [weight, { data }]) => sum + weight * data[i]!, 0)),
})

/** Mean 0 and standard deviation 1. */
export function standardized({ width, height, data }: Field): Field {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length
  const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length) || 1
  return { width, height, data: data.map((value) => (value - mean) / deviation) }
}

/** Noise of standard deviation 1 that is smooth over about `scaleX` columns and `scaleY` rows; 0 is white noise. */
export function noise(random: Random, width: number, height: number, scaleX = 0, scaleY = scaleX): Field {
  let result = field(width, height, () => random() + random() + random() - 1.5)
  for (let pass = 0; pass < 2; pass++) {
    result = boxBlur(result, Math.round(scaleX), 1, width, height)
    result = boxBlur(result, Math.round(scaleY), width, height, width)
  }
  return standardized(result)
}

/** Averages over 2·radius + 1 neighbours along one axis, going round at the borders. */
function boxBlur(source: Field, radius: number, stride: number, length: number, lines: number): Field {
  const reach = Math.min(radius, Math.floor((length - 1) / 2))
  if (reach < 1) return source
  const data = new Float32Array(source.data.length)
  const lineStride = stride === 1 ? length : 1
  for (let line = 0; line < lines; line++) {
    const start = line * lineStride
    const at = (i: number) => source.data[start + ((i + length) % length) * stride]!
    let sum = 0
    for (let i = -reach; i <= reach; i++) sum += at(i)
    for (let i = 0; i < length; i++) {
      data[start + i * stride] = sum / (2 * reach + 1)
      sum += at(i + reach + 1) - at(i - reach)
    }
  }
  return { ...source, data }
}
