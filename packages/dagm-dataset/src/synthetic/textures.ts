import { type Random, uniform } from '../random'
import { type Field, field, mix, noise, standardized } from './field'

/** Draws a surface without defects; `random` differs from image to image of one class. */
export type Texture = (random: Random, width: number, height: number) => Field

const turn = 2 * Math.PI

/** A fine weave that goes in and out of phase, as DAGM's class 1. */
const weave: Texture = (random, width, height) => {
  const [px, py] = [uniform(random, 0, turn), uniform(random, 0, turn)]
  const period = uniform(random, 3.2, 3.8)
  const drift = noise(random, width, height, width / 8, height / 8)
  const threads = field(width, height, (x, y) => {
    const phase = 0.6 * drift.data[y * width + x]!
    return Math.sin((turn * x) / period + px + phase) * Math.sin((turn * y) / period + py - phase)
  })
  return mix([1, standardized(threads)], [0.7, noise(random, width, height)])
}

/** Brushed metal: short streaks along the columns, as class 2. */
const brushed: Texture = (random, width, height) =>
  mix([1, noise(random, width, height, 0, 6)], [0.4, noise(random, width, height)])

/** Clouds of fine grain over faint columns, as class 3. */
const clouds: Texture = (random, width, height) =>
  mix(
    [1, noise(random, width, height, 1)],
    [0.5, noise(random, width, height, 3)],
    [0.3, noise(random, width, height, width / 16, height)],
  )

/** Creases that run out from a point, as class 4. */
const rays: Texture = (random, width, height) => {
  const [cx, cy] = [uniform(random, 0.4, 0.6) * width, uniform(random, 0.4, 0.6) * height]
  const creases = noise(random, 256, 1, 1, 0)
  const radial = field(width, height, (x, y) => {
    const at = ((Math.atan2(y - cy, x - cx) + Math.PI) / turn) * 256
    const [low, share] = [Math.floor(at), at - Math.floor(at)]
    return creases.data[low % 256]! * (1 - share) + creases.data[(low + 1) % 256]! * share
  })
  return mix([1, radial], [0.8, noise(random, width, height)])
}

/** Felt: fine fibres in two directions, as class 5. */
const felt: Texture = (random, width, height) =>
  mix(
    [1, noise(random, width, height, 3, 0)],
    [1, noise(random, width, height, 0, 3)],
    [0.4, noise(random, width, height, 4)],
  )

/** Hard-edged speckle, as class 6. */
const speckle: Texture = (random, width, height) => {
  const grain = mix([1, noise(random, width, height, 1)], [0.6, noise(random, width, height)])
  return { ...grain, data: grain.data.map((value) => Math.tanh(2.5 * value)) }
}

/** Wood: stripes that wander. */
const wood: Texture = (random, width, height) => {
  const [phase, period] = [uniform(random, 0, turn), uniform(random, 5, 7)]
  const wander = noise(random, width, height, width / 24, height / 6)
  const stripes = field(width, height, (x, y) =>
    Math.sin((turn * x) / period + phase + 1.5 * wander.data[y * width + x]!),
  )
  return mix([1, standardized(stripes)], [0.7, noise(random, width, height, 0, 2)])
}

/** Bands along the columns under fine grain along the rows, as class 8. */
const bands: Texture = (random, width, height) =>
  mix([0.5, noise(random, width, height, width / 32, height)], [1, noise(random, width, height, 3, 0)])

/** Leather: cells with dark seams. */
const leather: Texture = (random, width, height) => {
  const cell = 9
  const [columns, rows] = [Math.ceil(width / cell), Math.ceil(height / cell)]
  const points = Array.from({ length: columns * rows }, () => [random(), random()] as const)
  const seams = field(width, height, (x, y) => {
    let [nearest, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    const [column, row] = [Math.floor(x / cell), Math.floor(y / cell)]
    for (let r = row - 1; r <= row + 1; r++)
      for (let c = column - 1; c <= column + 1; c++) {
        const point = points[((r + rows) % rows) * columns + ((c + columns) % columns)]!
        const distance = Math.hypot((c + point[0]) * cell - x, (r + point[1]) * cell - y)
        if (distance < nearest) [nearest, second] = [distance, nearest]
        else if (distance < second) second = distance
      }
    return Math.min(second - nearest, 3)
  })
  return mix([1, standardized(seams)], [0.7, noise(random, width, height)])
}

/** A grid of dots with grain. */
const dots: Texture = (random, width, height) => {
  const [px, py] = [uniform(random, 0, turn), uniform(random, 0, turn)]
  const grid = field(width, height, (x, y) => {
    const wave = Math.cos((turn * x) / 8 + px) + Math.cos((turn * y) / 8 + py)
    return Math.max(wave, 0)
  })
  return mix([1, standardized(grid)], [0.7, noise(random, width, height)])
}

/** The surface of each class, 1 to 10. */
export const textures: readonly Texture[] = [weave, brushed, clouds, rays, felt, speckle, wood, bands, leather, dots]
