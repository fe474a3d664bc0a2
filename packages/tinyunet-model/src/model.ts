import * as tf from '@tensorflow/tfjs-core'
import { checkSize, resolveConfig, type TinyUNetConfig, type TinyUNetOptions } from './config'
import { type ConvolutionWeights, convolution, type Features } from './convolution'
import { saveModel } from './io/artifacts'
import { forward } from './structure'
import { type ModelSummary, summarize } from './summary'
import { createVariable, variableSpecs } from './variables'
import { checkWeights } from './weights'

/** Builds a TinyUNet with fresh weights. */
export const tinyUNet = (options: TinyUNetOptions = {}): TinyUNet => new TinyUNet(options)

/** The net of NVIDIA's UNet Industrial: grey image in, logit of "defect" for every pixel out. */
export class TinyUNet {
  readonly config: TinyUNetConfig
  /** Plain names (`input_block/conv_1/kernel`) in forward order. A tf.Variable's own name may end in `_1` …. */
  readonly names: string[]
  /** Trainable, in the order of `names`. */
  readonly variables: tf.Variable[]

  /**
   * @param options the model's settings
   * @param weights start values by plain name, which are copied; without them the initialiser draws them
   */
  constructor(options: TinyUNetOptions = {}, weights?: tf.NamedTensorMap) {
    this.config = resolveConfig(options)
    const specs = variableSpecs(this.config)
    if (weights) checkWeights(specs, weights)
    this.names = specs.map(({ name }) => name)
    this.variables = specs.map(({ name, shape, initial }) =>
      tf.tidy(() => createVariable(name, weights ? weights[name]!.clone() : tf.tensor(initial(), shape))),
    )
  }

  /**
   * @param image [n, height, width, 1], float32, both sides divisible by 16; [−1, 1] in the recipe
   * @returns logits [n, height, width, 1]; the sigmoid of one is the probability that its pixel is defective
   */
  apply(image: tf.Tensor4D): tf.Tensor4D {
    checkImage(image)
    const { variant, activation } = this.config
    const variable = new Map(this.names.map((name, i) => [name, this.variables[i]!]))
    const weights = (name: string) =>
      ({
        kernel: variable.get(`${name}/kernel`),
        bias: variable.get(`${name}/bias`),
        alpha: variable.get(`${name}/alpha`),
      }) as unknown as ConvolutionWeights
    return tf.tidy(
      () =>
        forward<Features>(
          variant,
          {
            convolution: (features, { name, activated }) => ({
              x: convolution(features, weights(name), activated ? activation : 'linear'),
            }),
            maxPool: ({ x }) => ({ x: tf.maxPool(x, 2, 2, 'valid') }),
            upsample: ({ x }) => ({ x, upsampled: true }),
            concatenate: ({ x }, { x: skip }) => ({ x, skip }),
          },
          { x: image },
        ).x,
    )
  }

  /** As `apply`, but probabilities in (0, 1). */
  predict(image: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => tf.sigmoid(this.apply(image)))
  }

  /** Layers, parameters, multiply-accumulates and activation bytes for one image of `inputShape`, else of the config's. */
  summary(
    inputShape: readonly [height: number, width: number, channels?: number] = this.config.inputShape,
  ): ModelSummary {
    const [height, width] = inputShape
    checkSize(height, width)
    return summarize(this.config, [height, width, 1])
  }

  /**
   * Saves configuration and weights.
   *
   * @param target a tf.io handler, or a URL: `file://folder` or `file://model.safetensors` in Node, on any backend,
   *   `localstorage://name`, `indexeddb://name` or `downloads://name` in a browser
   */
  save(target: tf.io.IOHandler | string): Promise<tf.io.SaveResult> {
    return saveModel(
      this.config,
      this.names.map((name, i) => ({ name, tensor: this.variables[i]! })),
      target,
    )
  }

  /** A snapshot of the weights by plain name, which later training does not change. The caller disposes it. */
  getWeights(): tf.NamedTensorMap {
    return Object.fromEntries(this.names.map((name, i) => [name, this.variables[i]!.clone()]))
  }

  /** Sets all weights, by plain name. Throws, and changes nothing, when one is missing, unknown or of another shape. */
  setWeights(weights: tf.NamedTensorMap): void {
    checkWeights(variableSpecs(this.config), weights)
    this.names.forEach((name, i) => {
      this.variables[i]!.assign(weights[name]!)
    })
  }

  dispose(): void {
    for (const variable of this.variables) variable.dispose()
  }
}

function checkImage({ shape, dtype }: tf.Tensor): void {
  if (shape.length !== 4 || shape[3] !== 1)
    throw new Error(
      `image has shape [${shape}], expected [n, height, width, 1]: convert it to grey and add a batch axis`,
    )
  if (dtype !== 'float32')
    throw new Error(`image has dtype ${dtype}, expected float32 in [-1, 1]: use toFloat() and scale it`)
  checkSize(shape[1]!, shape[2]!)
}
