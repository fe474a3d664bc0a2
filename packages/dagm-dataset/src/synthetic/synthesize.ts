import { checkClassId } from '../official'
import { type Random, stream, uniform } from '../random'
import { drawEllipses } from '../raster/ellipse'
import type { Ellipse, Raster, Sample } from '../types'
import { standardized } from './field'
import { textures } from './textures'

/** How hard it is to tell defects from the surface, in parts of the range of grey and of the shorter side. */
interface Difficulty {
  /** Standard deviation of the texture. */
  texture: number
  contrast: [low: number, high: number]
  /** Defects may be darker than the surface, too. */
  bothPolarities: boolean
  semiMajor: [low: number, high: number]
  semiMinor: [low: number, high: number]
  /** How near a defect's centre may come to the border. */
  margin: number
}

const difficulties = {
  easy: {
    texture: 0.07,
    contrast: [0.2, 0.3],
    bothPolarities: false,
    semiMajor: [0.12, 0.22],
    semiMinor: [0.07, 0.12],
    margin: 0.15,
  },
  hard: {
    texture: 0.13,
    contrast: [0.2, 0.3],
    bothPolarities: true,
    semiMajor: [0.12, 0.25],
    semiMinor: [0.02, 0.05],
    margin: 0.05,
  },
} satisfies Record<string, Difficulty>

export interface SynthesizeOptions {
  /** Which of the ten surfaces, 1..10; default 1. */
  classId?: number
  /** Side in pixels, or [height, width]. */
  size: number | [height: number, width: number]
  /** How many clean images. */
  clean: number
  /** How many defective ones. */
  defective: number
  /** Names the images: other seeds give other images of the same kind, such as a test set. */
  seed: number
  /**
   * `easy` (default): texture σ 0.07 of the range, bright defects, 0.2 to 0.3 brighter, semi-axes 0.12–0.22 and 0.07–0.12
   * of the side. `hard`: σ 0.13, bright and dark ones, thin (0.02–0.05), possibly cut by the border.
   */
  difficulty?: keyof typeof difficulties
}

/**
 * Draws DAGM-like images in memory, the defective ones first: a textured surface, one defect, and its ellipse as the mask.
 *
 * An image depends on seed, class, kind and its place among its kind alone, so a larger set begins with the smaller one.
 */
export function synthesize(options: SynthesizeOptions): Sample[] {
  const { classId = 1, size, clean, defective, seed, difficulty = 'easy' } = options
  checkClassId(classId)
  const [height, width] = typeof size === 'number' ? [size, size] : size
  for (const [name, value, least] of [
    ['height', height, 8],
    ['width', width, 8],
    ['clean', clean, 0],
    ['defective', defective, 0],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new Error(`got ${name} ${value}, expected a whole number of at least ${least}`)
  const settings: Difficulty | undefined = difficulties[difficulty]
  if (!settings)
    throw new Error(`got the difficulty "${difficulty}", expected ${Object.keys(difficulties).join(' or ')}`)

  const make = (isDefective: boolean) => (_: unknown, i: number) => {
    const random = stream(seed, classId, Number(isDefective), i)
    const name = `Synthetic${classId}/seed${seed}/${isDefective ? 'defective' : 'clean'}_${i + 1}`
    const surface = standardized(textures[classId - 1]!(random, width, height))
    const brightness = surface.data.map((value) => 0.5 + settings.texture * value)
    if (!isDefective) return { name, image: toRaster(brightness, width, height), mask: null, defective: false }
    const ellipse = drawDefect(random, brightness, width, height, settings)
    const mask = drawEllipses([ellipse], width, height)
    return { name, image: toRaster(brightness, width, height), mask, defective: true, ellipses: [ellipse] }
  }
  return [...Array.from({ length: defective }, make(true)), ...Array.from({ length: clean }, make(false))]
}

const toRaster = (brightness: Float32Array, width: number, height: number): Raster => ({
  width,
  height,
  data: Uint8Array.from(brightness, (value) => Math.round(Math.min(Math.max(value, 0), 1) * 255)),
})

/** Adds a defect with a soft edge to a surface, and returns the ellipse that labels it. */
function drawDefect(
  random: Random,
  brightness: Float32Array,
  width: number,
  height: number,
  settings: Difficulty,
): Ellipse {
  const side = Math.min(width, height)
  const rounded = (value: number) => Math.round(value * 100) / 100 // as the public layout's labels.txt keeps them
  const { margin } = settings
  const ellipse = {
    a: rounded(side * uniform(random, ...settings.semiMajor)),
    b: rounded(side * uniform(random, ...settings.semiMinor)),
    angle: rounded(uniform(random, 0, Math.PI)),
    x: rounded(1 + width * uniform(random, margin, 1 - margin)),
    y: rounded(1 + height * uniform(random, margin, 1 - margin)),
  }
  const sign = settings.bothPolarities && random() < 0.5 ? -1 : 1
  const contrast = sign * uniform(random, ...settings.contrast)
  const [cos, sin] = [Math.cos(ellipse.angle), Math.sin(ellipse.angle)]
  for (let i = 0; i < brightness.length; i++) {
    const [dx, dy] = [(i % width) - (ellipse.x - 1), Math.floor(i / width) - (ellipse.y - 1)]
    const radius = Math.hypot((dx * cos + dy * sin) / ellipse.a, (-dx * sin + dy * cos) / ellipse.b)
    brightness[i]! += contrast * (1 - smoothstep(0.85, 1.15, radius)) // half of the contrast at the mask's edge
  }
  return ellipse
}

/** 0 up to `low`, 1 from `high` on, smooth between. */
function smoothstep(low: number, high: number, value: number): number {
  const t = Math.min(Math.max((value - low) / (high - low), 0), 1)
  return t * t * (3 - 2 * t)
}
