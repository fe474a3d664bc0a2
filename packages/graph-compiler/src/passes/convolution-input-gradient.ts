import type { Value } from '../ir/graph'
import { sameValue } from '../ir/walk'
import { sameShape } from '../operations/operation'
import { channelsOf, formOf, isDoubling, isSame } from './convolution-forms'
import { editing, type GraphEditor } from './editor'

/**
 * The gradients by a convolution's inputs come from one operation, which also applies the masks of the ReLUs before:
 *
 *     dy, filter ──▶ Conv2DBackpropInput ──▶ ReluGrad(y) ──▶ dx        →    dy, filter, y ──▶ ConvolutionInputGradient ──▶ dx
 *
 *     filter ─┬▶ Slice ──▶ Conv2DBackpropInput(dy) ──▶ da              →    dy, filter ──▶ ConvolutionInputGradient ─┬▶ da
 *             └▶ Slice ──▶ Conv2DBackpropInput(dy) ──▶ db                                                            └▶ db
 *
 *     dy, filter ──▶ Conv2DBackpropInput ──▶ ResizeNearestNeighborGrad ──▶ dx   →   … ──▶ ConvolutionInputGradient(upsampled) ──▶ dx
 */
export const convolutionInputGradient = editing((graph) => {
  const done = new Set<number>()
  for (const number of graph.find('Conv2DBackpropInput')) {
    if (done.has(number)) continue
    const siblings = slicesOfOneFilter(graph, number) ?? [number]
    for (const sibling of siblings) done.add(sibling)
    fuse(graph, siblings)
  }
})

/** One gradient, or those by all parts of one convolution's input in their order. */
function fuse(graph: GraphEditor, numbers: readonly number[]): void {
  const [dy, ownFilter] = graph.node(numbers[0]!).inputs as [Value, Value]
  const filter = numbers.length > 1 ? graph.producer(ownFilter).inputs[0]! : ownFilter
  const [height, width, , filters] = graph.type(filter).shape as [number, number, number, number]
  if (!numbers.every((number) => isPlain(graph, number, [height, width]))) return

  const small = numbers.length === 1 ? shrunk(graph, { node: numbers[0]!, output: 0 }) : undefined
  const upsampled = small !== undefined && height === 2 && width === 2
  const gradients = upsampled ? [small] : numbers.map((node) => ({ node, output: 0 }))
  const channels = gradients.map((dx) => channelsOf(graph, dx))
  const form = formOf({ size: [height, width], parts: channels, filters, upsampled })
  if (form !== 'blocked' && form !== 'head') return

  const masked = gradients.map((dx) => maskBehind(graph, dx))
  const isCycle = masked.some((mask) => mask && gradients.some(({ node }) => graph.isNeeded(node, mask.y)))
  if (isCycle) return
  const results = gradients.map((dx, i) => masked[i]?.dx ?? dx)
  const inputs = [dy, filter, ...masked.map((mask) => mask?.y ?? null)]
  const at = Math.min(...gradients.map(({ node }) => node))
  const fused = graph.add(at, 'ConvolutionInputGradient', inputs, { channels, upsampled })
  graph.replaceAll(results, fused)
}

const isPlain = (graph: GraphEditor, number: number, size: readonly [number, number]) => {
  const { attributes, types } = graph.node(number)
  return types[0]!.dtype === 'float32' && isSame(attributes, size)
}

/** The gradients of the same dy that, slice by slice, need each input channel of the node's filter once. */
function slicesOfOneFilter(graph: GraphEditor, number: number): number[] | undefined {
  const [dy, part] = graph.node(number).inputs as [Value, Value]
  const filter = graph.made(part, 'Slice')?.inputs[0]
  if (!filter) return undefined
  const firstChannel = (sibling: number) =>
    (graph.producer(graph.node(sibling).inputs[1]!).attributes.begin as number[])[2]!
  const siblings = graph
    .users(dy)
    .filter((user) => {
      const { op, inputs } = graph.node(user)
      const slice = op === 'Conv2DBackpropInput' && graph.made(inputs[1], 'Slice')
      return slice && sameValue(inputs[0]!, dy) && sameValue(slice.inputs[0]!, filter)
    })
    .sort((a, b) => firstChannel(a) - firstChannel(b))
  const whole = graph.type(filter).shape
  let next = 0
  for (const sibling of siblings) {
    const begin = graph.producer(graph.node(sibling).inputs[1]!).attributes.begin as number[]
    const shape = graph.type(graph.node(sibling).inputs[1]!).shape
    if (String(begin) !== String([0, 0, next, 0]) || String(shape) !== String(whole.with(2, shape[2]!)))
      return undefined
    next += shape[2]!
  }
  return next === whole[2] ? siblings : undefined
}

/** The gradient of a nearest-neighbour enlargement by 2 that alone reads a value. */
function shrunk(graph: GraphEditor, large: Value): Value | undefined {
  const small = graph.soleUser(large, 'ResizeNearestNeighborGrad')
  if (!small) return undefined
  const node = graph.producer(small)
  const isOfIt = sameValue(node.inputs[1]!, large) && isDoubling(node, graph.type(small).shape, graph.type(large).shape)
  return isOfIt ? small : undefined
}

/** The ReLU's gradient that alone reads dx, and the ReLU's output. */
function maskBehind(graph: GraphEditor, dx: Value): { dx: Value; y: Value } | undefined {
  const masked = graph.soleUser(dx, 'ReluGrad')
  if (!masked) return undefined
  const [dy, y] = graph.producer(masked).inputs as [Value, Value]
  return sameValue(dy, dx) && sameShape(graph.type(y).shape, graph.type(dx).shape) ? { dx: masked, y } : undefined
}
