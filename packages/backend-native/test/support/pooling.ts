// Max-pooling and its gradient by the definition.

/** PoolShape of native/kernels/kernels.h. */
export interface PoolingShape {
  batch: number
  inHeight: number
  inWidth: number
  outHeight: number
  outWidth: number
  channels: number
  filterHeight: number
  filterWidth: number
  strideHeight: number
  strideWidth: number
  dilationHeight: number
  dilationWidth: number
  padTop: number
  padLeft: number
}

export const fieldsOf = (s: PoolingShape) =>
  Int32Array.of(
    ...[s.batch, s.inHeight, s.inWidth, s.outHeight, s.outWidth, s.channels],
    ...[s.filterHeight, s.filterWidth, s.strideHeight, s.strideWidth, s.dilationHeight, s.dilationWidth],
    ...[s.padTop, s.padLeft],
  )

export const sizesOf = (s: PoolingShape) => ({
  x: s.batch * s.inHeight * s.inWidth * s.channels,
  y: s.batch * s.outHeight * s.outWidth * s.channels,
})

/** Where in x the first maximum of one element of y lies; −1 where its window has nothing above −∞. */
function firstMaximum(s: PoolingShape, x: Float32Array, at: number): number {
  const channel = at % s.channels
  const column = Math.floor(at / s.channels) % s.outWidth
  const row = Math.floor(at / s.channels / s.outWidth) % s.outHeight
  const image = Math.floor(at / s.channels / s.outWidth / s.outHeight)
  let best = -1
  for (let tap = 0; tap < s.filterHeight * s.filterWidth; tap++) {
    const i = row * s.strideHeight + Math.floor(tap / s.filterWidth) * s.dilationHeight - s.padTop
    const j = column * s.strideWidth + (tap % s.filterWidth) * s.dilationWidth - s.padLeft
    if (i < 0 || i >= s.inHeight || j < 0 || j >= s.inWidth) continue
    const candidate = ((image * s.inHeight + i) * s.inWidth + j) * s.channels + channel
    if (x[candidate]! > (best < 0 ? Number.NEGATIVE_INFINITY : x[best]!)) best = candidate
  }
  return best
}

/** y and dx of max-pooling. */
export function reference(s: PoolingShape, x: Float32Array, dy: Float32Array) {
  const winners = Array.from(dy, (_, at) => firstMaximum(s, x, at))
  const dx = new Float64Array(x.length)
  for (const [at, winner] of winners.entries()) if (winner >= 0) dx[winner]! += dy[at]!
  return { y: winners.map((winner) => (winner < 0 ? Number.NEGATIVE_INFINITY : x[winner]!)), dx }
}
