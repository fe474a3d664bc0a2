import * as tf from '@tensorflow/tfjs-core'
import { activations } from './activations'
import type { TinyUNetConfig } from './config'
import { initializers, type KernelShape } from './initializers'
import { stream, truncatedNormal } from './random'
import { forward } from './structure'

/** A variable that a configuration calls for. */
export interface VariableSpec {
  name: string
  shape: number[]
  /** Its start, in row-major order. */
  initial(): Float32Array
}

/** The variables of every convolution in forward order: kernel, bias, and alpha where the activation has one. */
export function variableSpecs({ variant, activation, kernelInitializer, seed }: TinyUNetConfig): VariableSpec[] {
  const { alphaGradient, widening = 1 } = activations[activation]
  const specs: VariableSpec[] = []
  forward<number>(
    variant,
    {
      convolution(channels, { name, side, filters, activated }) {
        const shape: KernelShape = [side, side, channels, filters]
        const kernel = `${name}/kernel`
        specs.push({ name: kernel, shape, initial: () => initializers[kernelInitializer](shape, stream(seed, kernel)) })
        specs.push({ name: `${name}/bias`, shape: [filters], initial: () => new Float32Array(filters) })
        if (!activated) return filters
        if (alphaGradient) specs.push(alphaSpec(`${name}/alpha`, activation === 'prelu_shared' ? 1 : filters, seed))
        return filters * widening
      },
      maxPool: (channels) => channels,
      upsample: (channels) => channels,
      concatenate: (upsampled, skip) => upsampled + skip,
    },
    1,
  )
  return specs
}

/** The reference starts alpha (before its sigmoid) from a truncated normal of mean −1 and deviation 0.2. */
const alphaSpec = (name: string, size: number, seed: number): VariableSpec => ({
  name,
  shape: [size],
  initial() {
    const next = stream(seed, name)
    return Float32Array.from({ length: size }, () => -1 + 0.2 * truncatedNormal(next))
  },
})

/** A trainable tf.Variable of that name, or of `name_1` … where another variable has taken it. */
export function createVariable(name: string, value: tf.Tensor): tf.Variable {
  const taken = tf.engine().registeredVariables
  let free = name
  for (let suffix = 1; free in taken; suffix++) free = `${name}_${suffix}`
  return tf.variable(value, true, free)
}
