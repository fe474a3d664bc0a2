/** The two halves of the set, as the competition made them. */
export type Split = 'train' | 'test'

/** `competition`: ClassN/Train and ClassN/Test with mask images. `public`: ClassN and ClassN_def with ellipses. */
export type Layout = 'competition' | 'public'

/** An 8-bit grey picture: `data[row * width + column]`, 0..255. */
export interface Raster {
  width: number
  height: number
  data: Uint8Array
}

/** One ellipse of the public layout, in pixels; `x` and `y` are 1-based, `angle` is in radians (see `drawEllipse`). */
export interface Ellipse {
  a: number
  b: number
  angle: number
  x: number
  y: number
}

/** One image with what is known about it. A string is a PNG's path (in a browser: its URL). */
export interface Sample {
  image: string | Raster
  /** Zero where the surface is sound, anything else where it is defective; null says that all of it is sound. */
  mask: string | Raster | null
  defective: boolean
  /** Unique within a set, such as `Class8/Train/1151.PNG`. */
  name: string
  /** The ellipses that the mask was drawn from, where they are known. */
  ellipses?: Ellipse[]
}

/** Hears what is odd but no error, one line each. */
export type OnWarning = (message: string) => void

/** `zero_centered`: x / 127.5 − 1, in [−1, 1]. `zero_one`: x / 255. `none`: 0..255. */
export type Normalization = 'zero_centered' | 'zero_one' | 'none'
