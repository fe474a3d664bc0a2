// The blocked layout of native/kernels/blocked/layout.h by its definition.

/** [n, height, width, channels], channels a multiple of 16. */
export type Shape4 = readonly [number, number, number, number]

const BLOCK = 16
const rounded = (size: number) => Math.ceil(size / 4) * 4

export const denseSize = ([n, height, width, channels]: Shape4) => n * height * width * channels

/** Floats of a blocked tensor: [n][c/16][H+2][W+2][16], H and W rounded up to multiples of 4. */
export const blockedSize = ([n, height, width, channels]: Shape4) =>
  n * channels * (rounded(height) + 2) * (rounded(width) + 2)

/** Calls `visit` with every value's place in the dense and in the blocked tensor. */
function forEachValue([n, height, width, channels]: Shape4, visit: (dense: number, blocked: number) => void) {
  const [rows, columns, blocks] = [rounded(height) + 2, rounded(width) + 2, channels / BLOCK]
  for (let dense = 0; dense < n * height * width * channels; dense++) {
    const [pixel, channel] = [Math.floor(dense / channels), dense % channels]
    const [line, x] = [Math.floor(pixel / width), pixel % width]
    const [image, y] = [Math.floor(line / height), line % height]
    const plane = image * blocks + Math.floor(channel / BLOCK)
    visit(dense, ((plane * rows + y + 1) * columns + x + 1) * BLOCK + (channel % BLOCK))
  }
}

export function toBlocked(dense: Float32Array, shape: Shape4): Float32Array {
  const blocked = new Float32Array(blockedSize(shape))
  forEachValue(shape, (from, to) => {
    blocked[to] = dense[from]!
  })
  return blocked
}

/** Throws where anything but a pixel is not zero. */
export function toDense(blocked: Float32Array, shape: Shape4): Float32Array {
  const dense = new Float32Array(denseSize(shape))
  const rest = blocked.slice()
  forEachValue(shape, (to, from) => {
    dense[to] = blocked[from]!
    rest[from] = 0
  })
  const odd = rest.findIndex((value) => value !== 0)
  if (odd >= 0) throw new Error(`float ${odd} of a blocked [${shape}] is no pixel's, got ${rest[odd]}, expected 0`)
  return dense
}
