import { decodeGrey } from '../raster/png'
import { resizeArea, resizeNearest } from '../raster/resize'
import type { OnWarning, Raster, Sample } from '../types'

/** Reads what a sample's path (in a browser: URL) names. */
export type ReadBytes = (path: string) => Promise<Uint8Array>

/** A sample's pixels, 8 bits each; no mask means that all is sound. */
export interface Pixels {
  image: Uint8Array
  mask: Uint8Array | null
}

/** Decodes samples to pictures of one size. */
export class Loader {
  #warned = false

  private constructor(
    private readonly read: ReadBytes,
    private readonly onWarning: OnWarning,
    private readonly fixed: boolean,
    public height: number,
    public width: number,
  ) {}

  /** @param size what pictures are resized to; without it all must have the first one's size */
  static async create(
    samples: readonly Sample[],
    size: number | [height: number, width: number] | undefined,
    read: ReadBytes,
    onWarning: OnWarning,
  ): Promise<Loader> {
    const [height, width] = typeof size === 'number' ? [size, size] : (size ?? [0, 0])
    const loader = new Loader(read, onWarning, size !== undefined, height, width)
    if (size === undefined) {
      const first = await loader.#raster(samples[0]!.image, samples[0]!.name)
      loader.height = first.height
      loader.width = first.width
    } else if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0))
      throw new Error(`got the size ${size}, expected whole numbers greater than 0`)
    return loader
  }

  async load({ image, mask, name }: Sample): Promise<Pixels> {
    const picture = await this.#raster(image, name)
    const label = mask === null ? null : await this.#raster(mask, `mask of ${name}`)
    if (label && (label.width !== picture.width || label.height !== picture.height))
      throw new Error(
        `${called(mask, `mask of ${name}`)}: got a mask of ${label.width}x${label.height}, expected the ${picture.width}x${picture.height} of its image`,
      )
    const fits = picture.width === this.width && picture.height === this.height
    if (fits) return { image: picture.data, mask: label?.data ?? null }
    if (!this.fixed)
      throw new Error(
        `${called(image, name)}: got ${picture.width}x${picture.height}, expected ${this.width}x${this.height} as the first image has; pass size`,
      )
    return {
      image: resizeArea(picture, this.width, this.height).data,
      mask: label === null ? null : resizeNearest(label, this.width, this.height).data,
    }
  }

  async #raster(image: string | Raster, name: string): Promise<Raster> {
    if (typeof image !== 'string') {
      const { width, height, data } = image
      if (data.length !== width * height)
        throw new Error(`${name}: got ${data.length} values, expected ${width}x${height} = ${width * height}`)
      return image
    }
    const { raster, converted } = decodeGrey(await this.read(image), image)
    if (converted && !this.#warned) {
      this.#warned = true
      this.onWarning(`${image}: ${converted} is converted to 8-bit grey, as in any others like it`)
    }
    return raster
  }
}

const called = (image: string | Raster | null, name: string) => (typeof image === 'string' ? image : name)
