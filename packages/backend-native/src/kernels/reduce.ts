// Sums, means and extremes over some dimensions.
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { NativeBackend } from '../backend'
import { transpose } from './array'
import { isFloat, register } from './register'

interface Attributes {
  axis?: number | number[]
  reductionIndices?: number | number[]
  keepDims?: boolean
}

const product = util.sizeFromShape

/** x over `axes`, which lie side by side. */
function reduceSpan(operation: number, x: TensorInfo, axes: number[], shape: number[], backend: NativeBackend) {
  const [first, last] = [axes[0] ?? 0, axes.at(-1) ?? -1]
  const sizes = [x.shape.slice(0, first), x.shape.slice(first, last + 1), x.shape.slice(last + 1)].map(product)
  const y = backend.output(shape)
  backend.addon.reduce(operation, sizes[0]!, sizes[1]!, sizes[2]!, backend.floats(x), y.values)
  return y.info
}

function reduce(operation: number, x: TensorInfo, axes: number[], keepDims: boolean, backend: NativeBackend) {
  const { shape: xShape } = x
  const [reduced] = backend_util.computeOutAndReduceShapes(xShape, axes)
  const shape = keepDims ? backend_util.expandShapeToKeepDim(reduced, axes) : reduced
  // Dimensions of size 1 change nothing and are left out of the question whether the axes are neighbours.
  const wide = axes.filter((axis) => xShape[axis] !== 1)
  const kept = xShape.map((_, i) => i).filter((i) => !axes.includes(i))
  const apart = wide.length > 0 && kept.some((i) => xShape[i] !== 1 && i > wide[0]! && i < wide.at(-1)!)
  if (!apart) return reduceSpan(operation, x, wide, shape, backend)
  const turned = transpose(x, [...kept, ...axes], backend)
  if (!turned) return undefined
  const inner = axes.map((_, i) => kept.length + i)
  const y = reduceSpan(operation, turned, inner, shape, backend)
  backend.disposeIntermediateTensorInfo(turned)
  return y
}

export function registerReductions({ reduceOps }: NativeBackend['addon']): void {
  for (const [name, operation] of Object.entries({ Sum: 'sum', Mean: 'mean', Max: 'max', Min: 'min' })) {
    const code = reduceOps.indexOf(operation)
    register<'x', Attributes>(name, ({ x }, { axis, reductionIndices, keepDims = false }, backend) => {
      if (!isFloat(x)) return undefined
      const axes = util.parseAxisParam(axis ?? reductionIndices!, x.shape).sort((a, b) => a - b)
      return reduce(code, x, axes, keepDims, backend)
    })
  }

  // TensorFlow's kernel, which tfjs lacks: the sum over all dimensions but the last.
  const sum = reduceOps.indexOf('sum')
  register<'dy'>('BiasAddGrad', ({ dy }, _, backend) => {
    if (!isFloat(dy) || dy.shape.length < 1) return undefined
    const axes = dy.shape.slice(0, -1).map((_, i) => i)
    return reduceSpan(sum, dy, axes, dy.shape.slice(-1), backend)
  })
}
