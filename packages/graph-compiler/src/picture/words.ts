import type { Attribute, Attributes, Graph, TensorType, Value } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { attributesText, valueText } from '../ir/print'
import type { ElementwiseAttributes } from '../operations/fused/elementwise'
import { typeText } from '../operations/operation'
import type { Box } from './scene'

// What boxes and tooltips say.

/** What people call the ends of a graph, and what its nodes took. */
export interface PictureOptions {
  /** Default "Graph". */
  readonly title?: string
  /** Of the graph's outputs, in order. Inputs have theirs as an attribute (`GraphBuilder.input`, `trace`). */
  readonly outputs?: readonly string[]
  /** Milliseconds of each node, by its number; undefined where none was measured. */
  readonly times?: readonly (number | undefined)[]
}

export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** The text, cut to so many characters. */
export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`

/** `2×64×64×32`, `int32 scalar`, `2×64×64×32 ▦` where it is blocked. */
export function shapeText({ shape, dtype, layout }: TensorType): string {
  const size = shape.length === 0 ? 'scalar' : shape.join('×')
  return `${dtype === 'float32' ? '' : `${dtype} `}${size}${layout === 'blocked' ? ' ▦' : ''}`
}

/** Attributes that say little where they have these values. */
const USUAL: Attributes = {
  pad: 'same',
  dataFormat: 'NHWC',
  activation: 'linear',
  dtype: 'float32',
  leakyreluAlpha: 0,
  strides: [1, 1],
  dilations: [1, 1],
}

/** The attributes that tell a node from its like, in few words: `relu pooled`, `axis 0,1`. */
export function remarks(attributes: Attributes): string {
  const words = Object.entries(attributes).map(([name, value]) => remark(name, value))
  return words.filter(Boolean).join(' ')
}

function remark(name: string, value: Attribute): string {
  if (value === false || value === null || String(value) === String(USUAL[name])) return ''
  if (value === true) return name
  if (name === 'activation' || name === 'pad' || name === 'dtype') return String(value)
  if (name === 'steps' && Array.isArray(value)) return `${value.length} steps`
  if (name === 'results') return ''
  if (typeof value === 'object' && JSON.stringify(value).length > 24) return ''
  return `${name} ${value}`
}

/** A value that is read, by its name if it has one. */
export function readText(graph: Graph, value: Value): string {
  const { name } = graph.nodes[value.node]!.attributes
  const type = shapeText(typeOf(graph, value))
  return name === undefined ? `${valueText(value)} ${type}` : `${String(name).replace(/^.*\//, '')} ${type}`
}

/** A node's line as printed, with its inputs' names and types below. */
function nodeText(graph: Graph, index: number): string {
  const { op, inputs, attributes, types } = graph.nodes[index]!
  const reads = inputs.flatMap((value) => {
    if (!value) return []
    const { name } = graph.nodes[value.node]!.attributes
    return [`  ${valueText(value)}: ${typeText(typeOf(graph, value))}${name === undefined ? '' : ` ${name}`}`]
  })
  const shown = reads.length > 12 ? [...reads.slice(0, 12), `  … ${reads.length - 12} more`] : reads
  return [
    `%${index} = ${op} ${cut(attributesInWords(op, attributes, inputs.length), 900)}`,
    ...shown,
    `→ ${cut(types.map(typeText).join(', '), 300)}`,
  ].join('\n')
}

/** A chain's steps one below the other, `5 = Multiply 0 3`; of others, the attributes. */
function attributesInWords(op: string, attributes: Attributes, inputs: number): string {
  if (op !== 'Elementwise') return attributesText(attributes)
  const { steps, results } = attributes as unknown as ElementwiseAttributes
  const lines = steps.map((step, i) =>
    `\n  ${inputs + i} = ${step.op} ${step.inputs.map((x) => x ?? '_').join(' ')} ${attributesText(step.attributes)}`.trimEnd(),
  )
  return `of 0 … ${inputs - 1}${lines.join('')}\n  results ${results.join(' ')}`
}

/** All about a box, for its tooltip. */
export function details(graph: Graph, box: Box, time: number | undefined, names: readonly string[]): string {
  const shown = box.nodes.slice(0, 3).map((node) => nodeText(graph, node))
  const more = box.nodes.length - shown.length
  const rate = time ? ` · ${number(box.flops / time / 1e6)} GFLOP/s · ${number(box.bytes / time / 1e6)} GB/s` : ''
  return [
    ...shown,
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...(names.length > 0 ? [cut(`outputs: ${names.join(', ')}`, 400)] : []),
    `${number(box.flops / 1e6)} MFLOP · ${number(box.bytes / 2 ** 20)} MiB${time === undefined ? '' : ` · ${number(time)} ms${rate}`}`,
  ].join('\n')
}

/** Three digits that count. */
export const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2)
