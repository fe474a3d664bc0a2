/** A size of the net: `tiny` is UNet Industrial's TinyUNet. */
export type Variant = 'tiny' | 'original'

interface Widths {
  input: number
  blocks: readonly [number, number, number]
  bottleneck: number
  output: number
}

/** Filters of each block (the reference's model/unet.py). */
export const widths: Record<Variant, Widths> = {
  tiny: { input: 32, blocks: [32, 64, 128], bottleneck: 256, output: 32 },
  original: { input: 64, blocks: [128, 256, 512], bottleneck: 1024, output: 64 },
}

/** A convolution of the net: stride 1, SAME padding, bias, and the model's activation unless it is the head. */
export interface Convolution {
  name: string
  /** Side of the square kernel. */
  side: number
  filters: number
  activated: boolean
}

/** What the net is made of. T is a tensor when the net runs, a shape when it is described. */
export interface Operations<T> {
  convolution(input: T, convolution: Convolution): T
  /** 2x2, stride 2. */
  maxPool(input: T, name: string): T
  /** Nearest neighbour by 2. */
  upsample(input: T): T
  concatenate(upsampled: T, skip: T): T
}

/** The net, once for all uses: what runs it, what names its variables and what summarises it give their own operations. */
export function forward<T>(variant: Variant, operations: Operations<T>, image: T): T {
  const { input, blocks, bottleneck, output } = widths[variant]
  const skips: T[] = []
  let features = image

  const convolve = (name: string, side: number, filters: number, activated = true) => {
    features = operations.convolution(features, { name, side, filters, activated })
  }
  const upsample = (block: string, filters: number) => {
    features = operations.upsample(features)
    convolve(`${block}/upsample_conv`, 2, filters)
  }
  const encode = (block: string, filters: number) => {
    convolve(`${block}/conv_1`, 3, filters)
    convolve(`${block}/conv_2`, 3, filters)
    skips.push(features)
    features = operations.maxPool(features, `${block}/max_pool`)
  }
  const joinSkip = () => {
    features = operations.concatenate(features, skips.pop()!)
  }

  encode('input_block', input)
  blocks.forEach((filters, i) => {
    encode(`down_block_${i + 1}`, filters)
  })

  convolve('bottleneck_block/conv_1', 3, bottleneck)
  convolve('bottleneck_block/conv_2', 3, bottleneck)
  upsample('bottleneck_block', bottleneck / 2)

  blocks.toReversed().forEach((filters, i) => {
    const block = `up_block_${i + 1}`
    joinSkip()
    convolve(`${block}/conv_1`, 3, filters)
    convolve(`${block}/conv_2`, 3, filters / 2)
    upsample(block, filters / 2)
  })

  joinSkip()
  convolve('output_block/conv_1', 3, output)
  convolve('output_block/conv_2', 3, output)
  convolve('output_block/conv_3', 1, 1, false)
  return features
}
