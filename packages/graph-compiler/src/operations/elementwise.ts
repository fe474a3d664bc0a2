import { broadcast_util, type DataType, upcastType } from '@tensorflow/tfjs-core'
import type { Attributes, TensorType } from '../ir/graph'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from './operation'

// One value in (from each input, which broadcast), one value out.

/** Floating-point operations that a function counts for, where it is not one. */
const COSTLY: Record<string, number> = {
  Exp: 8,
  Expm1: 10,
  Log: 8,
  Log1p: 10,
  Sigmoid: 10,
  Softplus: 16,
  Tanh: 10,
  Elu: 8,
}

interface Unary {
  /** Of the result; default x's. */
  dtype?: DataType
  requires?: readonly string[]
  /** Values of attributes that are left out. */
  defaults?: Attributes
}

const unary = (name: string, { dtype, requires, defaults }: Unary = {}): Operation =>
  operation({
    name,
    inputs: ['x'],
    kind: 'elementwise',
    blocked: true,
    requires,
    canonical: (attributes: Attributes) => ({ ...defaults, ...attributes }),
    infer: ({ x }) => dense(x.shape, dtype ?? x.dtype),
    flops: ({ x }) => sizeOf(x) * (COSTLY[name] ?? 1),
  })

export function broadcastShape(op: string, a: TensorType, b: TensorType): number[] {
  try {
    return broadcast_util.assertAndGetBroadcastShape(a.shape as number[], b.shape as number[])
  } catch {
    throw new Error(`${op}: got ${typeText(a)} and ${typeText(b)}, expected shapes that broadcast together`)
  }
}

const binary = <A extends string, B extends string>(
  name: string,
  inputs: readonly [A, B],
  dtype?: DataType,
): Operation =>
  operation<string>({
    name,
    inputs,
    kind: 'elementwise',
    blocked: true,
    infer: (named) => {
      const [a, b] = inputs.map((input) => named[input] as TensorType) as [TensorType, TensorType]
      if (a.dtype !== b.dtype)
        throw new Error(`${name}: got ${typeText(a)} and ${typeText(b)}, expected one dtype: cast one of them`)
      return dense(broadcastShape(name, a, b), dtype ?? a.dtype)
    },
    flops: (_, [y]) => sizeOf(y!),
  })

const UNARY = [
  ...['Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Ceil', 'Cos', 'Cosh', 'Elu', 'Erf', 'Exp', 'Expm1'],
  ...[
    'Floor',
    'Log',
    'Log1p',
    'Neg',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Round',
    'Rsqrt',
    'Selu',
    'Sigmoid',
    'Sign',
    'Sin',
  ],
  ...['Sinh', 'Softplus', 'Sqrt', 'Square', 'Tan', 'Tanh'],
]

const BINARY = [
  ...[
    'Add',
    'Sub',
    'Multiply',
    'RealDiv',
    'FloorDiv',
    'Maximum',
    'Minimum',
    'Mod',
    'Pow',
    'SquaredDifference',
    'Atan2',
  ],
]

const COMPARISONS = ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual']

export const elementwise: Operation[] = [
  ...UNARY.map((name) => unary(name)),
  ...['IsFinite', 'IsInf', 'IsNan', 'LogicalNot'].map((name) => unary(name, { dtype: 'bool' })),
  unary('LeakyRelu', { defaults: { alpha: 0.2 } }),
  unary('Step', { defaults: { alpha: 0 } }),
  unary('ClipByValue', { requires: ['clipValueMin', 'clipValueMax'] }),
  ...BINARY.map((name) => binary(name, ['a', 'b'])),
  ...COMPARISONS.map((name) => binary(name, ['a', 'b'], 'bool')),
  ...['LogicalAnd', 'LogicalOr'].map((name) => binary(name, ['a', 'b'], 'bool')),
  binary('Prelu', ['x', 'alpha']),
  binary('EluGrad', ['dy', 'y']),

  // TensorFlow's kernel: dy where the ReLU's output y is positive, else 0 (also where y is NaN).
  operation({
    name: 'ReluGrad',
    inputs: ['dy', 'y'],
    kind: 'elementwise',
    blocked: true,
    infer({ dy, y }) {
      if (!sameShape(dy.shape, y.shape))
        throw new Error(`ReluGrad: got dy ${typeText(dy)} and y ${typeText(y)}, expected one shape`)
      return dense(dy.shape, dy.dtype)
    },
    flops: (_, [dx]) => sizeOf(dx!),
    expand(graph, { dy, y }) {
      const zero = graph.add('ZerosLike', [y])[0]!
      const positive = graph.add('Greater', [y, zero])[0]!
      return graph.add('Select', [positive, dy, graph.add('ZerosLike', [dy])[0]!])
    },
  }),

  // Its inputs were broadcast by tf.where, but for a condition of t's first dimension.
  operation({
    name: 'Select',
    inputs: ['condition', 't', 'e'],
    kind: 'elementwise',
    blocked: true,
    infer({ condition, t, e }) {
      const fits = sameShape(condition.shape, t.shape) || sameShape(condition.shape, t.shape.slice(0, 1))
      if (condition.dtype !== 'bool' || !fits || !sameShape(t.shape, e.shape))
        throw new Error(
          `Select: got condition ${typeText(condition)}, t ${typeText(t)}, e ${typeText(e)}, expected bool and one shape`,
        )
      return dense(t.shape, upcastType(t.dtype, e.dtype))
    },
    flops: ({ t }) => sizeOf(t),
  }),

  operation({
    name: 'Cast',
    inputs: ['x'],
    kind: 'elementwise',
    requires: ['dtype'],
    infer: ({ x }, { dtype }: { dtype: DataType }) => dense(x.shape, dtype),
  }),

  operation({
    name: 'AddN',
    inputs: ['x...'],
    kind: 'elementwise',
    blocked: true,
    infer({ x }) {
      const odd = x.find(({ shape, dtype }) => !sameShape(shape, x[0]!.shape) || dtype !== x[0]!.dtype)
      if (odd) throw new Error(`AddN: got ${typeText(x[0]!)} and ${typeText(odd)}, expected one type`)
      return dense(x[0]!.shape, x[0]!.dtype)
    },
    flops: ({ x }) => (x.length - 1) * sizeOf(x[0]!),
  }),
]
