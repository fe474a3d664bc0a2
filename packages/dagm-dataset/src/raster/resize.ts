import type { Raster } from '../types'

/** Averages the area that each new pixel covers: right for making pictures smaller; larger ones get blocks. */
export function resizeArea(raster: Raster, width: number, height: number): Raster {
  const { data } = raster
  const narrow = new Float32Array(raster.height * width)
  const columns = coverage(raster.width, width)
  for (let row = 0; row < raster.height; row++)
    columns.forEach(({ first, weights }, column) => {
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * data[row * raster.width + first + i]!
      narrow[row * width + column] = sum
    })
  const result = new Uint8Array(height * width)
  coverage(raster.height, height).forEach(({ first, weights }, row) => {
    for (let column = 0; column < width; column++) {
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * narrow[(first + i) * width + column]!
      result[row * width + column] = sum + 0.5
    }
  })
  return { width, height, data: result }
}

/** Takes the pixel under each new pixel's centre, so no new values arise: for masks. */
export function resizeNearest(raster: Raster, width: number, height: number): Raster {
  const result = new Uint8Array(height * width)
  for (let row = 0; row < height; row++) {
    const from = Math.floor(((row + 0.5) * raster.height) / height) * raster.width
    for (let column = 0; column < width; column++)
      result[row * width + column] = raster.data[from + Math.floor(((column + 0.5) * raster.width) / width)]!
  }
  return { width, height, data: result }
}

/** For each of `to` cells: which of the `from` cells it covers, and the share of each. */
function coverage(from: number, to: number): { first: number; weights: number[] }[] {
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [(i * from) / to, ((i + 1) * from) / to]
    const first = Math.floor(start)
    const last = Math.min(Math.ceil(end), from)
    const weights = Array.from({ length: last - first }, (_, k) => {
      const covered = Math.min(end, first + k + 1) - Math.max(start, first + k)
      return covered / (end - start)
    })
    return { first, weights }
  })
}
