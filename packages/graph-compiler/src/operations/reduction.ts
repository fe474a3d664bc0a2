import { backend_util, type DataType, upcastType, util } from '@tensorflow/tfjs-core'
import type { TensorType } from '../ir/graph'
import { dense, type Operation, operation, sizeOf } from './operation'

// Some dimensions become one value.

const axesOf = (axis: number | readonly number[] | null | undefined, { shape }: TensorType): number[] =>
  util.parseAxisParam(axis as number[], shape as number[]).sort((a, b) => a - b)

/** x's shape without `axes`, or with 1 in their places. */
function reducedShape({ shape }: TensorType, axes: number[], keepDims: boolean): number[] {
  const [kept] = backend_util.computeOutAndReduceShapes(shape as number[], axes)
  return keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept
}

type Axes = number | readonly number[] | null | undefined

/** @param axisName tfjs's name of the attribute that lists the axes */
const reduction = (name: string, dtype: (x: DataType) => DataType, axisName = 'axis'): Operation =>
  operation({
    name,
    inputs: ['x'],
    kind: 'reduction',
    canonical: (attributes: Record<string, unknown>, { x }) => ({
      [axisName]: axesOf(attributes[axisName] as Axes, x),
      keepDims: Boolean(attributes.keepDims),
    }),
    infer: ({ x }, attributes) =>
      dense(reducedShape(x, axesOf(attributes[axisName] as Axes, x), Boolean(attributes.keepDims)), dtype(x.dtype)),
    flops: ({ x }) => sizeOf(x),
  })

const same = (dtype: DataType) => dtype
const atLeastInt32 = (dtype: DataType) => upcastType(dtype, 'int32')

const argument = (name: string): Operation =>
  operation({
    name,
    inputs: ['x'],
    kind: 'reduction',
    canonical: ({ axis }: { axis: number }, { x }) => ({ axis: axesOf(axis, x)[0]! }),
    infer: ({ x }, { axis }) => dense(reducedShape(x, axesOf(axis, x), false), 'int32'),
    flops: ({ x }) => sizeOf(x),
  })

export const reductions: Operation[] = [
  reduction('Sum', atLeastInt32),
  reduction('Mean', () => 'float32'),
  reduction('Max', same, 'reductionIndices'),
  reduction('Min', same),
  reduction('Prod', atLeastInt32),
  reduction('All', () => 'bool'),
  reduction('Any', () => 'bool'),
  argument('ArgMax'),
  argument('ArgMin'),

  // TensorFlow's kernel: dy summed over all dimensions but the last.
  operation({
    name: 'BiasAddGrad',
    inputs: ['dy'],
    kind: 'reduction',
    infer({ dy }) {
      if (dy.shape.length < 1) throw new Error('BiasAddGrad: got dy of rank 0, expected at least 1')
      return dense(dy.shape.slice(-1), dy.dtype)
    },
    flops: ({ dy }) => sizeOf(dy),
    expand(graph, { dy }) {
      const axis = graph
        .typeOf(dy)
        .shape.slice(0, -1)
        .map((_, i) => i)
      return graph.add('Sum', [dy], { axis, keepDims: false })
    },
  }),
]
