import { backend_util, type DataType, slice_util, util } from '@tensorflow/tfjs-core'
import type { TensorType } from '../ir/graph'
import { dense, type Operation, operation, sizeOf, typeText } from './operation'

// Values that only move, or that were there before.

const axisOf = (axis: number, shape: readonly number[]): number => util.parseAxisParam(axis, shape as number[])[0]!

const begins = ({ shape }: TensorType, begin: number | readonly number[], size: number | readonly number[]) => {
  const tensor = { shape, rank: shape.length } as never
  const [start, sizes] = slice_util.parseSliceParams(tensor, begin as number[], size as number[]) as [
    number[],
    number[],
  ]
  slice_util.assertParamsValid(tensor, start, sizes)
  return { begin: start, size: sizes }
}

const splitSizes = ({ shape }: TensorType, sizes: number | readonly number[], axis: number): number[] =>
  backend_util.prepareSplitSize({ shape } as never, sizes as number[], axis)

/** The shape with its −1, if it has one, filled in. */
function reshaped(x: TensorType, shape: readonly number[]): number[] {
  try {
    return util.inferFromImplicitShape(shape as number[], sizeOf(x))
  } catch {
    throw new Error(`Reshape: got ${typeText(x)} and shape [${shape}], expected one of ${sizeOf(x)} values`)
  }
}

/** All of one type, joined or stacked along an axis. */
function checkAlike(op: string, x: readonly TensorType[], axis: number | null) {
  const [first] = x as [TensorType]
  const odd = x.find(
    ({ shape, dtype }) =>
      dtype !== first.dtype ||
      shape.length !== first.shape.length ||
      shape.some((side, i) => i !== axis && side !== first.shape[i]),
  )
  if (odd) {
    const but = axis === null ? '' : `, but for the size of dimension ${axis}`
    throw new Error(`${op}: got ${typeText(first)} and ${typeText(odd)}, expected one type${but}`)
  }
}

interface Split {
  numOrSizeSplits: number | readonly number[]
  axis: number
}

interface Slice {
  begin: number | readonly number[]
  size: number | readonly number[]
}

const like = (name: string): Operation =>
  operation({ name, inputs: ['x'], kind: 'constant', infer: ({ x }) => dense(x.shape, x.dtype) })

export const arrays: Operation[] = [
  like('ZerosLike'),
  like('OnesLike'),
  operation({
    name: 'Fill',
    inputs: [],
    kind: 'constant',
    requires: ['shape', 'value'],
    canonical: ({ shape, value, dtype }: { shape: readonly number[]; value: number | string; dtype?: DataType }) => ({
      shape,
      value,
      dtype: dtype ?? util.inferDtype(value),
    }),
    infer: (_, { shape, dtype }) => dense(shape, dtype!),
  }),

  operation({
    name: 'Identity',
    inputs: ['x'],
    kind: 'view',
    blocked: true,
    infer: ({ x }) => dense(x.shape, x.dtype),
  }),
  operation({
    name: 'Reshape',
    inputs: ['x'],
    kind: 'view',
    requires: ['shape'],
    canonical: ({ shape }: { shape: readonly number[] }, { x }) => ({ shape: reshaped(x, shape) }),
    infer: ({ x }, { shape }) => dense(reshaped(x, shape), x.dtype),
  }),
  operation({
    name: 'ExpandDims',
    inputs: ['input'],
    kind: 'view',
    requires: ['dim'],
    infer({ input }, { dim }: { dim: number }) {
      const { shape, dtype } = input
      if (dim < -(shape.length + 1) || dim > shape.length)
        throw new Error(`ExpandDims: got dim ${dim}, expected one within [${-(shape.length + 1)}, ${shape.length}]`)
      return dense(shape.toSpliced(dim < 0 ? shape.length + 1 + dim : dim, 0, 1), dtype)
    },
  }),

  operation({
    name: 'Concat',
    inputs: ['x...'],
    kind: 'array',
    blocked: true,
    requires: ['axis'],
    canonical: ({ axis }: { axis: number }, { x }) => ({ axis: axisOf(axis, x[0]!.shape) }),
    infer({ x }, { axis }) {
      const along = axisOf(axis, x[0]!.shape)
      checkAlike('Concat', x, along)
      return dense(
        x[0]!.shape.with(
          along,
          x.reduce((sum, { shape }) => sum + shape[along]!, 0),
        ),
        x[0]!.dtype,
      )
    },
  }),
  operation({
    name: 'Pack',
    inputs: ['x...'],
    kind: 'array',
    requires: ['axis'],
    infer({ x }, { axis }: { axis: number }) {
      checkAlike('Pack', x, null)
      const { shape, dtype } = x[0]!
      return dense(shape.toSpliced(axis < 0 ? shape.length + 1 + axis : axis, 0, x.length), dtype)
    },
  }),
  operation({
    name: 'Unpack',
    inputs: ['value'],
    kind: 'array',
    requires: ['axis'],
    canonical: ({ axis }: { axis: number }, { value }) => ({ axis: axisOf(axis, value.shape) }),
    infer({ value: { shape, dtype } }, { axis }) {
      const along = axisOf(axis, shape)
      return Array.from({ length: shape[along]! }, () => dense(shape.toSpliced(along, 1), dtype))
    },
  }),
  operation({
    name: 'SplitV',
    inputs: ['x'],
    kind: 'array',
    requires: ['numOrSizeSplits', 'axis'],
    canonical({ numOrSizeSplits, axis }: Split, { x }) {
      const along = axisOf(axis, x.shape)
      return { numOrSizeSplits: splitSizes(x, numOrSizeSplits, along), axis: along }
    },
    infer({ x }, { numOrSizeSplits, axis }) {
      const along = axisOf(axis, x.shape)
      return splitSizes(x, numOrSizeSplits, along).map((size) => dense(x.shape.with(along, size), x.dtype))
    },
  }),
  operation({
    name: 'Slice',
    inputs: ['x'],
    kind: 'array',
    requires: ['begin', 'size'],
    canonical: ({ begin, size }: Slice, { x }) => begins(x, begin, size),
    infer: ({ x }, { begin, size }) => dense(begins(x, begin, size).size, x.dtype),
  }),
  operation({
    name: 'Transpose',
    inputs: ['x'],
    kind: 'array',
    requires: ['perm'],
    infer({ x }, { perm }: { perm: readonly number[] }) {
      if (perm.toSorted((a, b) => a - b).join() !== x.shape.map((_, i) => i).join())
        throw new Error(`Transpose: got perm [${perm}] of ${typeText(x)}, expected each dimension once`)
      return dense(
        perm.map((axis) => x.shape[axis]!),
        x.dtype,
      )
    },
  }),
  operation({
    name: 'PadV2',
    inputs: ['x'],
    kind: 'array',
    requires: ['paddings', 'constantValue'],
    infer({ x }, { paddings }: { paddings: readonly (readonly [number, number])[]; constantValue: number }) {
      if (paddings.length !== x.shape.length)
        throw new Error(
          `PadV2: got ${paddings.length} pairs of paddings for ${typeText(x)}, expected ${x.shape.length}`,
        )
      return dense(
        x.shape.map((size, i) => paddings[i]![0] + size + paddings[i]![1]),
        x.dtype,
      )
    },
  }),
  operation({
    name: 'Tile',
    inputs: ['x'],
    kind: 'array',
    requires: ['reps'],
    infer({ x }, { reps }: { reps: readonly number[] }) {
      if (reps.length !== x.shape.length)
        throw new Error(`Tile: got ${reps.length} repetitions for ${typeText(x)}, expected ${x.shape.length}`)
      return dense(
        x.shape.map((size, i) => size * reps[i]!),
        x.dtype,
      )
    },
  }),
]
