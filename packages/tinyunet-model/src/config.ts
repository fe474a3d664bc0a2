import type { ActivationName } from './activations'
import { activationName } from './activations'
import { type InitializerName, initializerName } from './initializers'
import { oneOf } from './names'
import { type Variant, widths } from './structure'

/** What `tinyUNet` takes; every field has a default. */
export interface TinyUNetOptions {
  /** `tiny`: 1,850,305 parameters (the recipe). `original`: 29,137,793. The reference's `tinyUNet` means `tiny`. */
  variant?: Variant | 'tinyUNet'
  /** [height, width, 1], both sides divisible by 16. What `summary` describes; `apply` takes any such size. */
  inputShape?: [height: number, width: number, channels: 1]
  /** How kernels start, by tfjs's name or by the reference's (`he_uniform`). Biases start at zero. */
  kernelInitializer?: InitializerName | 'he_uniform' | 'he_normal' | 'glorot_uniform' | 'glorot_normal'
  /** What follows every convolution but the last. `prelu` means `prelu_not_shared`. */
  activation?: ActivationName | 'prelu'
  /** An integer; the same seed gives the same bits on every backend. */
  seed?: number
}

/** A model's settings with every default filled in. */
export interface TinyUNetConfig {
  variant: Variant
  inputShape: [height: number, width: number, channels: 1]
  kernelInitializer: InitializerName
  activation: ActivationName
  seed: number
}

/** Both sides are halved four times. */
export const SIZE_MULTIPLE = 16

/** Throws unless a [height, width] can pass through the net. */
export function checkSize(height: number, width: number): void {
  for (const [side, size] of Object.entries({ height, width })) {
    if (Number.isInteger(size) && size > 0 && size % SIZE_MULTIPLE === 0) continue
    const padded = Math.max(1, Math.ceil(size / SIZE_MULTIPLE)) * SIZE_MULTIPLE
    throw new Error(`${side} ${size} is not divisible by ${SIZE_MULTIPLE}; pad or resize the image to ${padded}`)
  }
}

/** Fills in the defaults and throws at the first value that is none. */
export function resolveConfig(options: TinyUNetOptions = {}): TinyUNetConfig {
  const { variant = 'tiny', inputShape = [512, 512, 1], kernelInitializer = 'heUniform', activation = 'relu' } = options
  const { seed = 0 } = options
  const [height, width, channels, ...rest] = inputShape
  if (channels !== 1 || rest.length > 0)
    throw new Error(`inputShape is [${inputShape}], expected [height, width, 1]: convert the images to grey`)
  checkSize(height, width)
  if (!Number.isSafeInteger(seed)) throw new Error(`seed is ${seed}, expected an integer`)
  return {
    variant: variant === 'tinyUNet' ? 'tiny' : oneOf('variant', variant, Object.keys(widths) as Variant[]),
    inputShape: [height, width, 1],
    kernelInitializer: initializerName(kernelInitializer),
    activation: activationName(activation),
    seed,
  }
}
