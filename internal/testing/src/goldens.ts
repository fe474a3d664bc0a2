import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { goldensDirectory, repositoryRoot } from './paths'

/** One file of TensorFlow's results, by name without `.json`. The schema is described in fixtures/README.md. */
export function golden<T extends object = Record<string, unknown>>(name: string): T & { seed: number } {
  return JSON.parse(readFileSync(join(goldensDirectory, `${name}.json`), 'utf8'))
}

/** Like `golden`, for files that a set made with an older generator lacks: those are read from the project's fixtures/. */
export function newerGolden<T extends object = Record<string, unknown>>(name: string): T & { seed: number } {
  if (existsSync(join(goldensDirectory, `${name}.json`))) return golden<T>(name)
  return JSON.parse(readFileSync(join(repositoryRoot, 'fixtures', `${name}.json`), 'utf8'))
}

/** A source of floats in [0, 1). */
export type Random = () => number

/**
 * A named stream of the goldens' generator: FNV-1a of `${seed}/${name}` seeds a linear congruential generator
 * (fixtures/README.md, "Random inputs").
 */
export function stream(seed: number, name: string): Random {
  let state = 0x811c9dc5
  for (const byte of new TextEncoder().encode(`${seed}/${name}`)) state = Math.imul(state ^ byte, 0x01000193) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

/** A float32 in [low, high]. */
export const uniform = (next: Random, low: number, high: number) => Math.fround(low + (high - low) * next())

/** `size` float32 in [low, high], in row-major order. */
export const uniforms = (next: Random, size: number, low: number, high: number) =>
  Float32Array.from({ length: size }, () => uniform(next, low, high))

/** An ellipse of the goldens' pictures, in pixels: centre and semi-axes. */
export type Ellipse = [cx: number, cy: number, rx: number, ry: number]

/** 1 where a pixel lies in any of the ellipses, else 0; [height, width] in row-major order. */
export function ellipseMask(ellipses: readonly Ellipse[], height: number, width: number): Float32Array {
  const inside = (x: number, y: number) =>
    ellipses.some(([cx, cy, rx, ry]) => (x - cx) ** 2 * ry ** 2 + (y - cy) ** 2 * rx ** 2 <= rx ** 2 * ry ** 2)
  return Float32Array.from({ length: height * width }, (_, i) => Number(inside(i % width, Math.floor(i / width))))
}

/** A picture of the goldens: background everywhere but inside the ellipses, one draw a pixel. */
export interface Picture {
  stream: string
  background: [low: number, high: number]
  defect: [low: number, high: number]
  ellipses: Ellipse[][]
}

/** The images and masks of a picture, each [ellipses.length, height, width, 1] in row-major order. */
export function picture(
  seed: number,
  { stream: name, background, defect, ellipses }: Picture,
  height: number,
  width: number,
) {
  const size = height * width
  const mask = new Float32Array(ellipses.length * size)
  ellipses.forEach((some, i) => {
    mask.set(ellipseMask(some, height, width), i * size)
  })
  const next = stream(seed, name)
  const image = mask.map((inside) => uniform(next, ...(inside ? defect : background)))
  return { image, mask }
}
