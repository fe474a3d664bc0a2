import type { Value } from '../ir/graph'
import { sameValue } from '../ir/walk'
import { channelsOf, formOf, isSame, joinedParts, upsampledPart } from './convolution-forms'
import { editing, type GraphEditor } from './editor'

/**
 * The gradients by a convolution's filter and bias come from one reading of dy:
 *
 *     a, dy ──▶ Conv2DBackpropFilter ─┬▶ Concat ──▶ dfilter
 *     b, dy ──▶ Conv2DBackpropFilter ─┘                              a, b, dy ──▶ ConvolutionFilterGradient ─┬▶ dfilter
 *     dy ─────▶ BiasAddGrad ──▶ dbias                           →                                            └▶ dbias
 *
 *     x ──▶ ResizeNearestNeighbor ──▶ Conv2DBackpropFilter(dy)  →    x, dy ──▶ ConvolutionFilterGradient(upsampled)
 */
export const convolutionFilterGradient = editing((graph) => {
  const done = new Set<number>()
  for (const number of graph.find('Conv2DBackpropFilter')) {
    if (done.has(number)) continue
    const joint = jointGradient(graph, number)
    for (const part of joint?.parts ?? [number]) done.add(part)
    if (joint && fuse(graph, joint.parts, joint.dfilter)) continue
    for (const part of joint?.parts ?? [number]) fuse(graph, [part], { node: part, output: 0 })
  }
})

/** @param numbers of the gradients by each part @param dfilter all of it */
function fuse(graph: GraphEditor, numbers: readonly number[], dfilter: Value): boolean {
  const dy = graph.node(numbers[0]!).inputs[1]!
  const { shape, dtype } = graph.type(dfilter)
  const [height, width, , filters] = shape as [number, number, number, number]
  if (dtype !== 'float32' || !numbers.every((number) => isSame(graph.node(number).attributes, [height, width])))
    return false

  const inputs = numbers.map((number) => graph.node(number).inputs[0]!)
  const resized = inputs.length === 1 && height === 2 && width === 2 ? upsampledPart(graph, inputs[0]!) : undefined
  const parts = resized ? [resized] : inputs.flatMap((x) => joinedParts(graph, x))
  const upsampled = resized !== undefined
  const channels = parts.map((part) => channelsOf(graph, part))
  if (!formOf({ size: [height, width], parts: channels, filters, upsampled })) return false

  const at = Math.min(...numbers)
  const [fused, dbias] = graph.add(at, 'ConvolutionFilterGradient', [dy, ...parts], {
    size: [height, width],
    upsampled,
  })
  for (const bias of biasGradients(graph, dy))
    if (!parts.some((part) => graph.isNeeded(bias.node, part))) graph.replace(bias, dbias!)
  graph.replace(dfilter, fused!)
  return true
}

/** The joint gradient that a part's goes into, and the parts' in their order, where nothing else reads them. */
function jointGradient(graph: GraphEditor, number: number): { dfilter: Value; parts: number[] } | undefined {
  const dy = graph.node(number).inputs[1]!
  const dfilter = graph.soleUser({ node: number, output: 0 }, 'Concat')
  if (!dfilter) return undefined
  const { inputs, attributes } = graph.producer(dfilter)
  const isPart = (value: Value) => {
    const node = graph.made(value, 'Conv2DBackpropFilter')
    return node && sameValue(node.inputs[1]!, dy) && graph.uses(value) === 1
  }
  const isJoint = attributes.axis === 2 && inputs.every((input) => isPart(input!))
  return isJoint ? { dfilter, parts: inputs.map((input) => input!.node) } : undefined
}

/** What sums dy over all but its channels. */
const biasGradients = (graph: GraphEditor, dy: Value): Value[] =>
  graph
    .users(dy)
    .filter((user) => {
      const { op, attributes } = graph.node(user)
      return op === 'BiasAddGrad' || (op === 'Sum' && String(attributes.axis) === '0,1,2' && !attributes.keepDims)
    })
    .map((node) => ({ node, output: 0 }))
