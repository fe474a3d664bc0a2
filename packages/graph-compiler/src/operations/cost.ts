import { util } from '@tensorflow/tfjs-core'
import type { Graph, TensorType } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { operationOf } from './registry'

/** Bytes of a tensor. A blocked one counts with its border and its rounded channels (docs/engine.md, "Layouts"). */
export function bytesOf({ shape, dtype, layout }: TensorType): number {
  if (layout === 'dense') return util.sizeFromShape(shape as number[]) * util.bytesPerElement(dtype)
  const [n, height, width, channels] = shape as [number, number, number, number]
  const up = (x: number, to: number) => Math.ceil(x / to) * to
  return n * up(channels, 16) * (up(height, 4) + 2) * (up(width, 4) + 2) * util.bytesPerElement(dtype)
}

/** What a node costs. */
export interface Cost {
  /** Floating-point operations of the plain algorithm. */
  flops: number
  /** Bytes read and written, each operand once. None for an input or a view. */
  bytes: number
}

export function costOf(graph: Graph, index: number): Cost {
  const { op, inputs, attributes, types } = graph.nodes[index]!
  const operation = operationOf(op)
  if (operation.kind === 'input' || operation.kind === 'view') return { flops: 0, bytes: 0 }
  const inputTypes = inputs.map((value) => value && typeOf(graph, value))
  const operands = [...inputTypes.filter((type) => type !== null), ...types]
  return {
    flops: operation.flops(inputTypes, types, attributes),
    bytes: operands.reduce((sum, type) => sum + bytesOf(type), 0),
  }
}
