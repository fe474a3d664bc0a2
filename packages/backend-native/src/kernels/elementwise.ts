// One value in, one value out: arithmetic, functions, comparisons, choices, casts.
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { NativeBackend } from '../backend'
import { isFloat, type NativeKernel, register } from './register'
import { broadcastStrides, pack } from './strides'

/** tfjs's kernels of one input → operations.h's names. */
const UNARY = {
  Abs: 'abs',
  Elu: 'elu',
  Exp: 'exp',
  Expm1: 'expm1',
  LeakyRelu: 'leakyRelu',
  Log: 'log',
  Log1p: 'log1p',
  Neg: 'neg',
  Reciprocal: 'reciprocal',
  Relu: 'relu',
  Relu6: 'relu6',
  Rsqrt: 'rsqrt',
  Sigmoid: 'sigmoid',
  Softplus: 'softplus',
  Sqrt: 'sqrt',
  Square: 'square',
  Step: 'step',
  Tanh: 'tanh',
}

/** tfjs's kernels of two inputs that broadcast. */
const BINARY = {
  Add: 'add',
  Sub: 'sub',
  Multiply: 'mul',
  RealDiv: 'realDiv',
  Maximum: 'maximum',
  Minimum: 'minimum',
  SquaredDifference: 'squaredDifference',
}

const COMPARE = {
  Equal: 'equal',
  NotEqual: 'notEqual',
  Greater: 'greater',
  GreaterEqual: 'greaterEqual',
  Less: 'less',
  LessEqual: 'lessEqual',
}

type Pair = Record<'a' | 'b', TensorInfo>

const unary =
  (operation: number): NativeKernel<'x', { alpha?: number }> =>
  ({ x }, { alpha = 0 }, backend) => {
    if (!isFloat(x)) return undefined
    const y = backend.output(x.shape)
    backend.addon.unary(operation, backend.floats(x), alpha, y.values)
    return y.info
  }

/** The shape of a and b together, and how to walk through both. */
function broadcast(a: number[], b: number[]) {
  const shape = backend_util.assertAndGetBroadcastShape(a, b)
  return { shape, walk: pack(shape, broadcastStrides(a, shape), broadcastStrides(b, shape)) }
}

function binary(operation: number, { a, b }: Pair, backend: NativeBackend) {
  if (!isFloat(a, b)) return undefined
  const { shape, walk } = broadcast(a.shape, b.shape)
  if (!walk) return undefined
  const y = backend.output(shape)
  backend.addon.binary(operation, walk, backend.floats(a), backend.floats(b), y.values)
  return y.info
}

function compare(operation: number, { a, b }: Pair, backend: NativeBackend) {
  if (!isFloat(a, b)) return undefined
  const { shape, walk } = broadcast(a.shape, b.shape)
  if (!walk) return undefined
  const y = backend.output(shape, 'bool')
  backend.addon.compare(operation, walk, backend.floats(a), backend.floats(b), y.values)
  return y.info
}

export function registerElementwiseKernels({ unaryOps, binaryOps, compareOps }: NativeBackend['addon']): void {
  for (const [name, operation] of Object.entries(UNARY)) register(name, unary(unaryOps.indexOf(operation)))
  for (const [name, operation] of Object.entries(BINARY)) {
    const code = binaryOps.indexOf(operation)
    register<'a' | 'b'>(name, (inputs, _, backend) => binary(code, inputs, backend))
  }
  for (const [name, operation] of Object.entries(COMPARE)) {
    const code = compareOps.indexOf(operation)
    register<'a' | 'b'>(name, (inputs, _, backend) => compare(code, inputs, backend))
  }

  const prelu = binaryOps.indexOf('prelu')
  register<'x' | 'alpha'>('Prelu', ({ x, alpha }, _, backend) => binary(prelu, { a: x, b: alpha }, backend))

  // TensorFlow's kernel, which tfjs lacks: dy where the ReLU's output is positive, else 0.
  const reluGrad = binaryOps.indexOf('reluGrad')
  register<'dy' | 'y'>('ReluGrad', ({ dy, y }, _, backend) => binary(reluGrad, { a: dy, b: y }, backend))

  register<string>('AddN', (inputs, _, backend) => {
    const tensors = Object.values(inputs)
    if (!isFloat(...tensors)) return undefined
    const y = backend.output(tensors[0]!.shape)
    backend.addon.addN(
      tensors.map((x) => backend.floats(x)),
      y.values,
    )
    return y.info
  })

  // tf.where has broadcast all three before it gets here.
  register<'condition' | 't' | 'e'>('Select', ({ condition, t, e }, _, backend) => {
    if (condition.dtype !== 'bool' || !isFloat(t, e) || !util.arraysEqual(condition.shape, t.shape)) return undefined
    const y = backend.output(t.shape)
    backend.addon.select(backend.bools(condition), backend.floats(t), backend.floats(e), y.values)
    return y.info
  })

  // The CPU backend only renames bool and int32 to float32 and keeps the array.
  register<'x', { dtype: string }>('Cast', ({ x }, { dtype }, backend) => {
    const values = backend.data.get(x.dataId).values
    const whole =
      (x.dtype === 'bool' && values instanceof Uint8Array) || (x.dtype === 'int32' && values instanceof Int32Array)
    if (dtype !== 'float32' || !whole) return undefined
    const y = backend.output(x.shape)
    backend.addon.cast(values, y.values)
    return y.info
  })

  register<never, { shape: number[]; value: number; dtype?: string }>('Fill', (_, { shape, value, dtype }, backend) => {
    if ((dtype ?? util.inferDtype(value)) !== 'float32') return undefined
    return filled(shape, value, backend)
  })
  register<'x'>('ZerosLike', ({ x }, _, backend) => (x.dtype === 'float32' ? filled(x.shape, 0, backend) : undefined))
  register<'x'>('OnesLike', ({ x }, _, backend) => (x.dtype === 'float32' ? filled(x.shape, 1, backend) : undefined))
}

function filled(shape: number[], value: number, backend: NativeBackend) {
  const y = backend.output(shape)
  backend.addon.fill(value, y.values)
  return y.info
}
