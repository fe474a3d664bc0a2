// Kernels that only move values: each is one or more strided copies.
import { backend_util, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { NativeBackend } from '../backend'
import { isFloat, register } from './register'
import { broadcastStrides, denseStrides, pack } from './strides'

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

/** x with its dimensions in another order; undefined where the native kernels cannot. */
export function transpose(x: TensorInfo, order: number[], backend: NativeBackend): TensorInfo | undefined {
  const shape = order.map((axis) => x.shape[axis]!)
  const strides = denseStrides(x.shape)
  const from = order.map((axis) => strides[axis]!)
  const walk = pack(shape, from, denseStrides(shape))
  if (!walk) return undefined
  const y = backend.output(shape)
  backend.addon.copy(walk, backend.floats(x), 0, y.values, 0)
  return y.info
}

function concat(inputs: TensorInfo[], axis: number, backend: NativeBackend): TensorInfo | undefined {
  if (!isFloat(...inputs)) return undefined
  const shapes = inputs.map(({ shape }) => shape)
  const [$axis] = util.parseAxisParam(axis, shapes[0]!)
  backend_util.assertParamsConsistent(shapes, $axis!)
  const y = backend.output(backend_util.computeOutShape(shapes, $axis!))
  const strides = denseStrides(y.info.shape)
  let offset = 0
  for (const input of inputs) {
    const walk = pack(input.shape, denseStrides(input.shape), strides)!
    backend.addon.copy(walk, backend.floats(input), 0, y.values, offset)
    offset += input.shape[$axis!]! * strides[$axis!]!
  }
  return y.info
}

export function registerArrayKernels(): void {
  register<string, { axis: number }>('Concat', (inputs, { axis }, backend) => {
    const tensors = Object.values(inputs)
    return tensors[0]!.shape.length <= 6 ? concat(tensors, axis, backend) : undefined
  })

  register<'x', { begin: number | number[]; size: number | number[] }>('Slice', ({ x }, { begin, size }, backend) => {
    if (!isFloat(x)) return undefined
    const [start, sizes] = slice_util.parseSliceParams(x as never, begin, size)
    slice_util.assertParamsValid(x as never, start!, sizes!)
    const strides = denseStrides(x.shape)
    const walk = pack(sizes!, strides, denseStrides(sizes!))
    if (!walk || sizes!.includes(0)) return undefined
    const y = backend.output(sizes!)
    backend.addon.copy(walk, backend.floats(x), dot(start!, strides), y.values, 0)
    return y.info
  })

  register<'x', { numOrSizeSplits: number | number[]; axis: number }>('SplitV', ({ x }, attributes, backend) => {
    const [axis] = util.parseAxisParam(attributes.axis, x.shape)
    const sizes = backend_util.prepareSplitSize(x as never, attributes.numOrSizeSplits, axis)
    if (!isFloat(x) || sizes.includes(0)) return undefined
    const strides = denseStrides(x.shape)
    const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))
    const parts = sizes.map((size) => x.shape.with(axis!, size))
    const walks = parts.map((shape) => pack(shape, strides, denseStrides(shape)))
    if (walks.includes(undefined)) return undefined
    return parts.map((shape, i) => {
      const y = backend.output(shape)
      backend.addon.copy(walks[i]!, backend.floats(x), starts[i]! * strides[axis!]!, y.values, 0)
      return y.info
    })
  })

  register<'x', { perm: number[] }>('Transpose', ({ x }, { perm }, backend) =>
    isFloat(x) ? transpose(x, perm, backend) : undefined,
  )

  register<'x', { paddings: [number, number][]; constantValue: number }>('PadV2', ({ x }, attributes, backend) => {
    const { paddings, constantValue } = attributes
    if (!isFloat(x)) return undefined
    const y = backend.output(x.shape.map((size, i) => paddings[i]![0] + size + paddings[i]![1]))
    const strides = denseStrides(y.info.shape)
    const walk = pack(x.shape, denseStrides(x.shape), strides)
    backend.addon.fill(constantValue, y.values)
    const before = paddings.map(([size]) => size)
    backend.addon.copy(walk!, backend.floats(x), 0, y.values, dot(before, strides))
    return y.info
  })

  // Each dimension as a pair [repetition, size], the first of which x does not move through.
  register<'x', { reps: number[] }>('Tile', ({ x }, { reps }, backend) => {
    if (!isFloat(x) || reps.includes(0)) return undefined
    const shape = x.shape.map((size, i) => size * reps[i]!)
    const pairs = x.shape.flatMap((size, i) => [reps[i]!, size])
    const from = broadcastStrides(
      x.shape.flatMap((size) => [1, size]),
      pairs,
    )
    const walk = pack(pairs, from, denseStrides(pairs))
    if (!walk) return undefined
    const y = backend.output(shape)
    backend.addon.copy(walk, backend.floats(x), 0, y.values, 0)
    return y.info
  })
}
