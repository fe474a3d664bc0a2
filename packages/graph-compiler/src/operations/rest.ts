import { backend_util, type DataType, upcastType, util } from '@tensorflow/tfjs-core'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from './operation'

// What programs use now and then.

const softmax = (name: string): Operation =>
  operation({
    name,
    inputs: ['logits'],
    kind: 'reduction',
    infer: ({ logits }) => dense(logits.shape),
    flops: ({ logits }) => 12 * sizeOf(logits),
  })

interface Gather {
  axis: number
  batchDims?: number
}

export const rest: Operation[] = [
  softmax('Softmax'),
  softmax('LogSoftmax'),

  // (x − mean) / sqrt(variance + ε) · scale + offset
  operation({
    name: 'FusedBatchNorm',
    inputs: ['x', 'scale?', 'offset?', 'mean', 'variance'],
    kind: 'elementwise',
    requires: ['varianceEpsilon'],
    infer({ x, mean, variance }, _: { varianceEpsilon: number }) {
      if (!sameShape(mean.shape, variance.shape))
        throw new Error(
          `FusedBatchNorm: got mean ${typeText(mean)} and variance ${typeText(variance)}, expected one shape`,
        )
      return dense(x.shape)
    },
    flops: ({ x }) => 5 * sizeOf(x),
  }),

  operation({
    name: 'GatherV2',
    inputs: ['x', 'indices'],
    kind: 'array',
    requires: ['axis'],
    infer({ x, indices }, { axis, batchDims = 0 }: Gather) {
      const [along] = util.parseAxisParam(axis, x.shape as number[])
      const { outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
        x as never,
        indices as never,
        along!,
        batchDims,
      )
      return dense(outputShape, x.dtype)
    },
  }),

  operation({
    name: 'OneHot',
    inputs: ['indices'],
    kind: 'array',
    requires: ['depth', 'onValue', 'offValue'],
    canonical: (attributes: { depth: number; onValue: number; offValue: number; dtype?: DataType }) => ({
      ...attributes,
      dtype: attributes.dtype ?? 'int32',
    }),
    infer: ({ indices }, { depth, dtype }) => dense([...indices.shape, depth], dtype!),
  }),

  operation({
    name: 'Reverse',
    inputs: ['x'],
    kind: 'array',
    requires: ['dims'],
    infer: ({ x }, _: { dims: number | readonly number[] }) => dense(x.shape, x.dtype),
  }),

  operation({
    name: 'Cumsum',
    inputs: ['x'],
    kind: 'reduction',
    requires: ['axis', 'exclusive', 'reverse'],
    infer: ({ x }, _: { axis: number; exclusive: boolean; reverse: boolean }) =>
      dense(x.shape, upcastType(x.dtype, 'int32')),
    flops: ({ x }) => sizeOf(x),
  }),
]
