import type { Raster } from '../types'

/** A mirror image (left and right swapped) or not, then so many quarter turns counter-clockwise. */
export interface Transform {
  flip: boolean
  quarterTurns: number
}

/** A way to walk a picture: pixel (row, column) is `data[origin + row * rowStride + column * columnStride]`. */
export interface Walk {
  width: number
  height: number
  origin: number
  rowStride: number
  columnStride: number
}

/** The walk that sees a `width` x `height` picture transformed. */
export function transformedWalk(width: number, height: number, { flip, quarterTurns }: Transform): Walk {
  let walk: Walk = { width, height, origin: 0, rowStride: width, columnStride: 1 }
  if (flip) walk = mirrored(walk)
  for (let turn = 0; turn < ((quarterTurns % 4) + 4) % 4; turn++) walk = turned(walk)
  return walk
}

/** new(row, column) = old(row, width − 1 − column) */
const mirrored = (walk: Walk): Walk => ({
  ...walk,
  origin: walk.origin + (walk.width - 1) * walk.columnStride,
  columnStride: -walk.columnStride,
})

/** new(row, column) = old(column, width − 1 − row), as in NumPy's rot90 */
const turned = (walk: Walk): Walk => ({
  width: walk.height,
  height: walk.width,
  origin: walk.origin + (walk.width - 1) * walk.columnStride,
  rowStride: -walk.columnStride,
  columnStride: walk.rowStride,
})

/** Writes `table[pixel]` of every pixel that the walk sees into `target`, from `offset` on, in row-major order. */
export function copyWalk(
  data: Uint8Array,
  walk: Walk,
  table: ArrayLike<number>,
  target: Float32Array | Uint8Array,
  offset = 0,
): void {
  let to = offset
  for (let row = 0; row < walk.height; row++) {
    let from = walk.origin + row * walk.rowStride
    for (let column = 0; column < walk.width; column++, from += walk.columnStride) target[to++] = table[data[from]!]!
  }
}

const identity = Uint8Array.from({ length: 256 }, (_, i) => i)

/** A transformed copy of a raster; an odd number of quarter turns swaps width and height. */
export function transformRaster(raster: Raster, transform: Transform): Raster {
  const walk = transformedWalk(raster.width, raster.height, transform)
  const data = new Uint8Array(raster.data.length)
  copyWalk(raster.data, walk, identity, data)
  return { width: walk.width, height: walk.height, data }
}
