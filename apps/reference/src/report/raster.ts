import { encode } from 'fast-png'

/** Pixel values in row-major order. */
export type Pixels = ArrayLike<number>
export type Colour = readonly [red: number, green: number, blue: number]

/** An 8-bit picture: grey or RGB, row-major. */
export interface Picture {
  width: number
  height: number
  channels: 1 | 3
  data: Uint8Array
}

export const toPng = ({ width, height, channels, data }: Picture): Uint8Array =>
  encode({ width, height, channels, data, depth: 8 })

/** Values from `black` to `white` as grey; what lies beyond is clipped. */
export function grey(
  values: Pixels,
  width: number,
  height: number,
  [black, white]: readonly [number, number],
): Picture {
  const data = Uint8Array.from(values, (value) => {
    const level = Math.round(((value - black) / (white - black)) * 255)
    return Math.min(Math.max(level, 0), 255)
  })
  return { width, height, channels: 1, data }
}

/** White where a value is greater than the threshold, else black. */
export const binary = (values: Pixels, width: number, height: number, threshold: number): Picture => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from(values, (value) => (value > threshold ? 255 : 0)),
})

/** The same picture in RGB, always a copy. */
export function colour({ width, height, channels, data }: Picture): Picture {
  if (channels === 3) return { width, height, channels, data: data.slice() }
  const rgb = new Uint8Array(data.length * 3)
  for (let i = 0; i < data.length; i++) rgb.fill(data[i]!, 3 * i, 3 * i + 3)
  return { width, height, channels: 3, data: rgb }
}

/** Blends a colour into an RGB picture, in place, where `inside`; opacity in [0, 1]. */
export function tint(picture: Picture, inside: (pixel: number) => boolean, ink: Colour, opacity: number): void {
  const { data } = picture
  for (let pixel = 0; pixel < data.length / 3; pixel++)
    if (inside(pixel))
      for (let c = 0; c < 3; c++)
        data[3 * pixel + c] = Math.round((1 - opacity) * data[3 * pixel + c]! + opacity * ink[c]!)
}

/** Whether a pixel lies in a region and touches, by a side, one that does not. */
export function onEdge(inside: (pixel: number) => boolean, width: number, height: number): (pixel: number) => boolean {
  return (pixel) => {
    if (!inside(pixel)) return false
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return (
      (x > 0 && !inside(pixel - 1)) ||
      (x < width - 1 && !inside(pixel + 1)) ||
      (y > 0 && !inside(pixel - width)) ||
      (y < height - 1 && !inside(pixel + width))
    )
  }
}

const gap = 4
const smallestTile = 192

/** Pictures of any sizes in a grid, row by row, on grey; small ones are enlarged by a whole factor. */
export function grid(pictures: readonly Picture[], columns: number): Picture {
  const tiles = pictures.map((picture) => enlarge(colour(picture)))
  const across = Math.min(columns, Math.max(tiles.length, 1))
  const tileWidth = Math.max(1, ...tiles.map((tile) => tile.width))
  const tileHeight = Math.max(1, ...tiles.map((tile) => tile.height))
  const width = across * (tileWidth + gap) + gap
  const height = Math.max(1, Math.ceil(tiles.length / across)) * (tileHeight + gap) + gap
  const data = new Uint8Array(width * height * 3).fill(128)
  tiles.forEach((tile, i) => {
    const left = gap + (i % across) * (tileWidth + gap)
    const top = gap + Math.floor(i / across) * (tileHeight + gap)
    for (let y = 0; y < tile.height; y++)
      data.set(tile.data.subarray(3 * y * tile.width, 3 * (y + 1) * tile.width), 3 * ((top + y) * width + left))
  })
  return { width, height, channels: 3, data }
}

/** Repeats the pixels of a small RGB picture until its shorter side reaches `smallestTile`. */
function enlarge(picture: Picture): Picture {
  const factor = Math.ceil(smallestTile / Math.min(picture.width, picture.height))
  if (factor === 1) return picture
  const [width, height] = [picture.width * factor, picture.height * factor]
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (Math.floor(y / factor) * picture.width + Math.floor(x / factor))
      data.set(picture.data.subarray(from, from + 3), 3 * (y * width + x))
    }
  return { width, height, channels: 3, data }
}
