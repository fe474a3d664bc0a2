import { backend_util } from '@tensorflow/tfjs-core'
import type { TensorType } from '../ir/graph'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from './operation'
import { checkImages, pair, type Size4, type Window, window } from './window'

// Pools and resizing, NHWC.

interface Pool extends Window {
  filterSize: number | readonly [number, number]
}

const pool = (attributes: Pool) => ({ filterSize: pair(attributes.filterSize), ...window(attributes) })

function poolInfo(op: string, { shape }: TensorType, attributes: Pool) {
  checkImages(op, { x: shape })
  const { filterSize, strides, pad, dimRoundingMode } = pool(attributes)
  return backend_util.computePool2DInfo(shape as Size4, filterSize, strides, 1, pad, dimRoundingMode)
}

const pooling = (name: string): Operation =>
  operation({
    name,
    inputs: ['x'],
    kind: 'pool',
    requires: ['filterSize', 'strides', 'pad'],
    blocked: name === 'MaxPool',
    canonical: pool,
    infer: ({ x }, attributes: Pool) => dense(poolInfo(name, x, attributes).outShape, x.dtype),
    flops: ({ x }) => sizeOf(x),
  })

const poolGradient = <N extends string>(name: string, inputs: readonly (N | 'dy' | 'input')[]): Operation =>
  operation({
    name,
    inputs,
    kind: 'pool',
    requires: ['filterSize', 'strides', 'pad'],
    canonical: pool,
    infer(named, attributes: Pool) {
      const { dy, input } = named as Record<'dy' | 'input', TensorType>
      const { outShape } = poolInfo(name, input, attributes)
      if (!sameShape(outShape, dy.shape)) throw new Error(`${name}: got dy ${typeText(dy)}, expected [${outShape}]`)
      return dense(input.shape, dy.dtype)
    },
    flops: (_, [dx]) => sizeOf(dx!),
  })

interface Resize {
  size: readonly [number, number]
  alignCorners: boolean
  halfPixelCenters?: boolean
}

function resize(name: string): Operation[] {
  const gradientName = `${name}Grad`
  return [
    operation({
      name,
      inputs: ['images'],
      kind: 'resize',
      requires: ['size', 'alignCorners'],
      infer({ images }, { size }: Resize) {
        checkImages(name, { images: images.shape })
        const [n, , , c] = images.shape as Size4
        return dense([n, ...size, c], name === 'ResizeBilinear' ? 'float32' : images.dtype)
      },
      flops: (_, [y]) => (name === 'ResizeBilinear' ? 8 * sizeOf(y!) : 0),
    }),
    operation({
      name: gradientName,
      inputs: ['images', 'dy'],
      kind: 'resize',
      infer({ images, dy }) {
        checkImages(gradientName, { images: images.shape, dy: dy.shape })
        return dense(images.shape, dy.dtype)
      },
      flops: ({ dy }) => sizeOf(dy) * (name === 'ResizeBilinear' ? 8 : 1),
    }),
  ]
}

export const images: Operation[] = [
  pooling('MaxPool'),
  pooling('AvgPool'),
  poolGradient('MaxPoolGrad', ['dy', 'input', 'output']),
  poolGradient('AvgPoolGrad', ['dy', 'input']),
  ...resize('ResizeNearestNeighbor'),
  ...resize('ResizeBilinear'),
]
