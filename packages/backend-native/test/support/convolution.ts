// Convolution and its gradients by the definition, in double precision: what the kernels are measured against.

/** Conv2DShape of native/kernels/kernels.h. */
export interface ConvolutionShape {
  batch: number
  inHeight: number
  inWidth: number
  inChannels: number
  outHeight: number
  outWidth: number
  outChannels: number
  filterHeight: number
  filterWidth: number
  strideHeight: number
  strideWidth: number
  dilationHeight: number
  dilationWidth: number
  padTop: number
  padLeft: number
}

export const fieldsOf = (s: ConvolutionShape) =>
  Int32Array.of(
    ...[s.batch, s.inHeight, s.inWidth, s.inChannels, s.outHeight, s.outWidth, s.outChannels],
    ...[s.filterHeight, s.filterWidth, s.strideHeight, s.strideWidth, s.dilationHeight, s.dilationWidth],
    ...[s.padTop, s.padLeft],
  )

export const sizesOf = (s: ConvolutionShape) => ({
  x: s.batch * s.inHeight * s.inWidth * s.inChannels,
  y: s.batch * s.outHeight * s.outWidth * s.outChannels,
  filter: s.filterHeight * s.filterWidth * s.inChannels * s.outChannels,
})

/** Sums of products, and of the products' magnitudes, which bound what rounding can do. */
export interface Sums {
  values: Float64Array
  magnitudes: Float64Array
}

const sums = (size: number): Sums => ({ values: new Float64Array(size), magnitudes: new Float64Array(size) })

function add(to: Sums, at: number, product: number) {
  to.values[at]! += product
  to.magnitudes[at]! += Math.abs(product)
}

/** Calls `visit` with the offsets of x's pixel, y's pixel and the filter's tap wherever they meet. */
function forEachMeeting(s: ConvolutionShape, visit: (x: number, y: number, filter: number) => void) {
  for (let pixel = 0; pixel < s.batch * s.outHeight * s.outWidth; pixel++) {
    const column = pixel % s.outWidth
    const row = Math.floor(pixel / s.outWidth) % s.outHeight
    const image = Math.floor(pixel / s.outWidth / s.outHeight)
    for (let tap = 0; tap < s.filterHeight * s.filterWidth; tap++) {
      const i = row * s.strideHeight + Math.floor(tap / s.filterWidth) * s.dilationHeight - s.padTop
      const j = column * s.strideWidth + (tap % s.filterWidth) * s.dilationWidth - s.padLeft
      if (i < 0 || i >= s.inHeight || j < 0 || j >= s.inWidth) continue
      const x = ((image * s.inHeight + i) * s.inWidth + j) * s.inChannels
      visit(x, pixel * s.outChannels, tap * s.inChannels * s.outChannels)
    }
  }
}

/** y, dx and dfilter of a convolution. */
export function reference(s: ConvolutionShape, x: Float32Array, filter: Float32Array, dy: Float32Array) {
  const sizes = sizesOf(s)
  const [y, dx, dfilter] = [sums(sizes.y), sums(sizes.x), sums(sizes.filter)]
  forEachMeeting(s, (xAt, yAt, tapAt) => {
    for (let k = 0; k < s.inChannels; k++)
      for (let o = 0; o < s.outChannels; o++) {
        const [f, g] = [tapAt + k * s.outChannels + o, yAt + o]
        add(y, g, x[xAt + k]! * filter[f]!)
        add(dx, xAt + k, dy[g]! * filter[f]!)
        add(dfilter, f, x[xAt + k]! * dy[g]!)
      }
  })
  return { y, dx, dfilter }
}

/** Fails where a value is further from the sum than `relative` times the sum of the products' magnitudes. */
export function expectSums(got: Float32Array, want: Sums, relative: number, what: string) {
  if (got.length !== want.values.length)
    throw new Error(`${what}: got ${got.length} values, expected ${want.values.length}`)
  got.forEach((value, i) => {
    const allowed = relative * want.magnitudes[i]!
    if (!(Math.abs(value - want.values[i]!) <= allowed))
      throw new Error(`${what}[${i}]: got ${value}, expected ${want.values[i]} ± ${allowed}`)
  })
}

/** Root mean square and largest error, both over the reference's root mean square. */
export function errorsOf(got: ArrayLike<number>, want: ArrayLike<number>) {
  let [error, scale, max] = [0, 0, 0]
  for (let i = 0; i < want.length; i++) {
    const e = Math.abs(got[i]! - want[i]!)
    error += e * e
    scale += want[i]! ** 2
    max = Math.max(max, e)
  }
  return { rms: Math.sqrt(error / scale), max: max / Math.sqrt(scale / want.length) }
}
