/** Values of one channel, row-major. */
export interface Plane {
  width: number
  height: number
  data: ArrayLike<number>
}

export const roundUp = (size: number, multiple: number) => Math.ceil(size / multiple) * multiple

/** Where an index beyond the end lands when the axis is mirrored about its first and last values, as often as it takes. */
function reflect(index: number, size: number): number {
  if (size === 1) return 0
  const period = 2 * (size - 1)
  const along = index % period
  return along < size ? along : period - along
}

/** Grows a plane to the right and downwards by its mirror image. */
export function padReflect({ width, height, data }: Plane, toWidth: number, toHeight: number): Float32Array {
  const padded = new Float32Array(toWidth * toHeight)
  const column = Array.from({ length: toWidth }, (_, x) => reflect(x, width))
  for (let y = 0; y < toHeight; y++) {
    const row = reflect(y, height) * width
    for (let x = 0; x < toWidth; x++) padded[y * toWidth + x] = data[row + column[x]!]!
  }
  return padded
}

/** The upper left part of values that are `fromWidth` wide. */
export function crop(data: Float32Array, fromWidth: number, width: number, height: number): Float32Array {
  if (fromWidth === width) return data.slice(0, width * height)
  const cropped = new Float32Array(width * height)
  for (let y = 0; y < height; y++) cropped.set(data.subarray(y * fromWidth, y * fromWidth + width), y * width)
  return cropped
}
