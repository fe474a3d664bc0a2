import { sameShape, sizeOf } from '../../src/operations/operation'
import { type Growing, type Grown, isFloat, isImage } from './growing'

/** Adds a node or a few to a growing graph, if there is something that it can work on. */
export type Recipe = (graph: Growing) => unknown

/** Most values that a result has which is larger than what it is made of. */
const LARGEST = 1 << 15

// ── Elementwise ──

const unary: Recipe = (graph) => {
  const x = graph.pick(isFloat)
  if (!x) return
  const b = x.bound
  const simple: [string, object, number][] = [
    ['Relu', {}, b],
    ['Relu6', {}, 6],
    ['Abs', {}, b],
    ['Neg', {}, b],
    ['Square', {}, b * b],
    ['Sigmoid', {}, 1],
    ['Tanh', {}, 1],
    ['Elu', {}, b],
    ['LeakyRelu', { alpha: 0.25 }, b],
    ['Softplus', {}, b + 1],
    ['ClipByValue', { clipValueMin: -0.5, clipValueMax: 0.75 }, 0.75],
    ['ZerosLike', {}, 0],
    ['OnesLike', {}, 1],
    ['Cast', { dtype: 'float32' }, b],
    ['Identity', {}, b],
  ]
  if (b <= 4) simple.push(['Exp', {}, Math.exp(b)], ['Expm1', {}, Math.exp(b)])
  if (graph.discontinuous) simple.push(['Step', {}, 1], ['Cast', { dtype: 'int32' }, b], ['Round', {}, b])
  const [op, attributes, bound] = graph.one(simple)
  graph.add(op, [x], { ...attributes }, bound)
}

/** Functions of positive numbers, of x² + 1/2. */
const ofPositive: Recipe = (graph) => {
  const x = graph.pick(isFloat, 10)
  if (!x) return
  const half = graph.add('Fill', [], { shape: [], value: 0.5, dtype: 'float32' }, 0.5)
  const positive = graph.add('Add', [graph.add('Square', [x], {}, x.bound ** 2), half], {}, x.bound ** 2 + 0.5)
  graph.add(graph.one(['Sqrt', 'Rsqrt', 'Log', 'Log1p', 'Reciprocal']), [positive], {}, x.bound + 2)
  const y = graph.pick(isFloat)!
  if (broadcasts(y, positive)) graph.add('RealDiv', [y, positive], {}, 2 * y.bound)
}

/** Whether two values broadcast together, to something that is not large. */
function broadcasts(a: Grown, b: Grown): boolean {
  const rank = Math.max(a.type.shape.length, b.type.shape.length)
  const pairs = Array.from(
    { length: rank },
    (_, i) => [a, b].map(({ type }) => type.shape.at(-1 - i) ?? 1) as [number, number],
  )
  const size = pairs.reduce((product, pair) => product * Math.max(...pair), 1)
  return size <= LARGEST && pairs.every(([x, y]) => x === y || x === 1 || y === 1)
}

/** Two values that broadcast together, and are of one dtype. */
function two(graph: Growing, suits: (type: Grown['type']) => boolean): [Grown, Grown] | undefined {
  const a = graph.pick(suits)
  if (!a) return undefined
  if (sizeOf(a.type) > LARGEST) return undefined
  const others = graph.grown.filter(
    (b) => b.bound <= 100 && b.type.dtype === a.type.dtype && suits(b.type) && broadcasts(a, b),
  )
  return [a, graph.one(others)]
}

const isMask = (a: Grown, b: Grown) => isFloat(a.type) && sameShape(a.type.shape, b.type.shape)

const binary: Recipe = (graph) => {
  const pair = two(graph, ({ dtype, shape }) => dtype !== 'bool' && shape.length <= 4)
  if (!pair) return
  const [a, b] = pair
  const [sum, product] = [a.bound + b.bound, a.bound * b.bound]
  const [op, bound] = graph.one<[string, number]>([
    ['Add', sum],
    ['Sub', sum],
    ['Multiply', product],
    ['Maximum', sum],
    ['Minimum', sum],
    ['SquaredDifference', sum * sum],
    ...(a.type.dtype === 'float32' ? ([['Prelu', product + a.bound]] as [string, number][]) : []),
    ...(isMask(a, b) && graph.discontinuous ? ([['ReluGrad', a.bound]] as [string, number][]) : []),
  ])
  graph.add(op, pair, {}, bound)
}

const addN: Recipe = (graph) => {
  const x = graph.pick(isFloat)
  if (!x) return
  const alike = graph.grown.filter(
    ({ type, bound }) => bound <= 100 && isFloat(type) && sameShape(type.shape, x.type.shape),
  )
  graph.add('AddN', [x, graph.one(alike), graph.one(alike)], {}, 300)
}

const choice: Recipe = (graph) => {
  const pair = graph.discontinuous && two(graph, isFloat)
  if (!pair) return
  const op = graph.one(['Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual'])
  const condition = graph.add(op, pair, {}, 1)
  graph.add('Cast', [graph.add('LogicalNot', [condition], {}, 1)], { dtype: graph.one(['float32', 'int32']) }, 1)
  const fitting = graph.grown.filter(({ type }) => isFloat(type) && sameShape(type.shape, condition.type.shape))
  if (fitting.length === 0) return
  const [t, e] = [graph.one(fitting), graph.one(fitting)]
  graph.add('Select', [condition, t, e], {}, Math.max(t.bound, e.bound))
}

// ── Reductions and arrays ──

const reduction: Recipe = (graph) => {
  const x = graph.pick(isFloat)
  if (!x) return
  const { shape } = x.type
  const axes = shape.map((_, i) => i).filter(() => graph.below(3) > 0)
  const axis = graph.below(3) === 0 ? shape.map((_, i) => i) : axes
  const op = graph.one(['Sum', 'Mean', 'Max', 'Min'])
  const attributes = { [op === 'Max' ? 'reductionIndices' : 'axis']: axis, keepDims: graph.below(2) === 1 }
  graph.add(op, [x], attributes, op === 'Sum' ? x.bound * sizeOf(x.type) : x.bound)
}

const rearranged: Recipe = (graph) => {
  const x = graph.pick(({ shape }) => shape.length >= 1 && shape.length <= 4)
  if (!x || sizeOf(x.type) > 1 << 14) return
  const { shape } = x.type
  const axis = graph.below(shape.length)
  const zeros = shape.map(() => 0)
  const cut = 1 + graph.below(shape[axis]!)
  const alike = graph.grown.filter(({ type }) => type.dtype === x.type.dtype && sameShape(type.shape, shape))
  const recipes: (() => unknown)[] = [
    () => graph.add('Concat', [x, graph.one(alike)], { axis }, x.bound),
    () => graph.add('Concat', [x, graph.one(alike)], { axis: shape.length - 1 }, x.bound),
    () =>
      graph.add('Slice', [x], { begin: zeros.with(axis, shape[axis]! - cut), size: shape.with(axis, cut) }, x.bound),
    () => graph.add('Transpose', [x], { perm: shape.map((_, i) => (i + axis) % shape.length) }, x.bound),
    () =>
      graph.add(
        'Reshape',
        [x],
        { shape: graph.one([[sizeOf(x.type)], [1, ...shape], [...shape, 1]].filter(({ length }) => length <= 4)) },
        x.bound,
      ),
    () => graph.add('Tile', [x], { reps: shape.map((_, i) => (i === axis ? 2 : 1)) }, x.bound),
    () => shape.length < 4 && graph.add('Pack', [x, graph.one(alike)], { axis }, x.bound),
    () =>
      cut < shape[axis]! && graph.addAll('SplitV', [x], { numOrSizeSplits: [cut, shape[axis]! - cut], axis }, x.bound),
    () =>
      x.type.dtype === 'float32' &&
      graph.add(
        'PadV2',
        [x],
        { paddings: shape.map((_, i) => (i === axis ? [1, 2] : [0, 0])), constantValue: 0.5 },
        x.bound + 1,
      ),
  ]
  graph.one(recipes)()
}

const product: Recipe = (graph) => {
  const a = graph.pick((type) => isFloat(type) && type.shape.length === 2)
  if (!a) return
  const [transposeA, transposeB, columns] = [graph.below(2) === 1, graph.below(2) === 1, 1 + graph.below(4)]
  const inner = a.type.shape[transposeA ? 0 : 1]!
  const b = graph.input(transposeB ? [columns, inner] : [inner, columns])
  graph.add('BatchMatMul', [a, b], { transposeA, transposeB }, inner * a.bound)
}

// ── Images, as nets use them: the filters are inputs ──

const SAME = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }
const CHANNELS = [1, 2, 16, 32]

/** A convolution of x, and perhaps its gradients for some dy. */
function convolve(graph: Growing, x: Grown, side: number, activation: string): Grown {
  const [channels, out] = [x.type.shape[3]!, graph.one(CHANNELS)]
  const filter = graph.input([side, side, channels, out])
  const bound = side * side * channels * x.bound + 1
  const y = graph.add('FusedConv2D', [x, filter, graph.input([out]), null], { ...SAME, activation }, bound)
  return graph.add('Multiply', [y, graph.add('Fill', [], { shape: [], value: 1 / bound, dtype: 'float32' }, 1)], {}, 1)
}

const convolution: Recipe = (graph) => {
  const x = graph.pick(isImage)
  if (!x) return
  const side = graph.one([3, 2, 1])
  const [channels, out] = [x.type.shape[3]!, graph.one(CHANNELS)]
  const filter = graph.input([side, side, channels, out])
  const bound = side * side * channels * x.bound
  const stride = graph.below(8) === 7 ? 2 : 1
  const attributes = { ...SAME, strides: [stride, stride] }
  const y = graph.add('Conv2D', [x, filter], attributes, bound)
  if (graph.below(2)) graph.add('Relu', [graph.add('Add', [y, graph.input([out])], {}, bound + 1)], {}, bound + 1)
  if (graph.below(2)) return
  const dy = graph.input(y.type.shape)
  const { dilations: _, ...rest } = attributes
  const dx = graph.add('Conv2DBackpropInput', [dy, filter], { ...rest, inputShape: x.type.shape }, side * side * out)
  if (graph.discontinuous) graph.add('ReluGrad', [dx, x], {}, dx.bound)
  graph.add('Conv2DBackpropFilter', [x, dy], { ...rest, filterShape: filter.type.shape }, sizeOf(y.type) * x.bound)
  graph.add('BiasAddGrad', [dy], {}, sizeOf(y.type))
}

const RESIZE = { alignCorners: false, halfPixelCenters: false }

/** Doubled, convolved 2x2, joined with another and convolved 3x3: a step up in a UNet. */
const upsampling: Recipe = (graph) => {
  const x = graph.pick((type) => isImage(type) && sizeOf(type) <= 1 << 12)
  if (!x) return
  const [, height, width] = x.type.shape as [number, number, number]
  const size = [2 * height, 2 * width]
  const large = graph.add('ResizeNearestNeighbor', [x], { ...RESIZE, size }, x.bound)
  if (graph.below(3) === 0) graph.add('ResizeNearestNeighborGrad', [x, large], { ...RESIZE, size }, 4 * x.bound)
  const y = convolve(graph, large, 2, 'relu')
  const skips = graph.grown.filter(
    ({ type, bound }) => bound <= 100 && isImage(type) && sameShape(type.shape.slice(0, 3), y.type.shape.slice(0, 3)),
  )
  convolve(
    graph,
    graph.add('Concat', [y, graph.one(skips)], { axis: 3 }, 100),
    3,
    graph.one(['relu', 'linear', 'sigmoid']),
  )
}

const POOL = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }

/** Convolved, pooled, and the gradient of both: a step down in a UNet. */
const pooling: Recipe = (graph) => {
  const x = graph.pick((type) => isImage(type) && type.shape[1]! % 2 === 0 && type.shape[2]! % 2 === 0)
  if (!x) return
  const y = graph.below(2) ? convolve(graph, x, 3, 'relu') : x
  const pooled = graph.add('MaxPool', [y], POOL, y.bound)
  if (!graph.discontinuous || graph.below(2)) return
  const dy = graph.add('MaxPoolGrad', [graph.input(pooled.type.shape), y, pooled], POOL, 1)
  const joined = graph.below(2) ? graph.add('Add', [dy, graph.input(y.type.shape)], {}, 2) : dy
  graph.add('ReluGrad', [joined, y], {}, 2)
}

const updates: Recipe = (graph) => {
  const shape = graph.one([[3, 3, 2, 4], [5], [1]])
  const [rate, condition] = [graph.input([]), graph.input([], 'bool')]
  for (let i = 0; i <= graph.below(3); i++) {
    const [variable, mean, momentum, raw] = [shape, shape, shape, shape].map((one) => graph.input(one)) as [
      Grown,
      Grown,
      Grown,
      Grown,
    ]
    const square = graph.add('Add', [graph.add('Square', [mean], {}, 1), graph.add('OnesLike', [mean], {}, 1)], {}, 2) // so that the root is of a positive number
    const decayed = graph.add('Add', [raw, graph.add('Multiply', [variable, rate], {}, 1)], {}, 2)
    const inputs = [variable, square, mean, momentum, graph.below(2) ? decayed : raw, rate, condition]
    graph.addAll('ApplyCenteredRMSProp', inputs, { decay: 0.9, momentum: 0.8, epsilon: 1e-3 }, 5)
  }
}

export const recipes: readonly Recipe[] = [
  ...[unary, unary, unary, binary, binary, binary, ofPositive, addN, choice, choice],
  ...[reduction, reduction, rearranged, rearranged, product],
  ...[convolution, convolution, upsampling, pooling, updates],
]
