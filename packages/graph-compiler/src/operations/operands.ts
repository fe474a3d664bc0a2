import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core'
import { operationOf } from './registry'

const isList = (names: readonly string[]) => names.length === 1 && names[0]!.endsWith('...')

/**
 * The inputs that tfjs gives to a kernel, in the order of a node's; null where one is left out.
 * @param inputs by name, or a list where the kernel takes any number (Concat, AddN, Pack)
 */
export function operandsOf(op: string, inputs: NamedTensorInfoMap | readonly TensorInfo[]): (TensorInfo | null)[] {
  const names = operationOf(op).inputs
  if (isList(names)) return Object.values(inputs as TensorInfo[])
  return names.map((name) => (inputs as NamedTensorInfoMap)[name.replace('?', '')] ?? null)
}

/** The other way round: a node's operands as tfjs's kernel takes them. */
export function kernelInputs(op: string, operands: readonly (TensorInfo | null)[]): NamedTensorInfoMap {
  const names = operationOf(op).inputs
  if (isList(names)) return operands as unknown as NamedTensorInfoMap // tfjs passes its lists so, too
  return Object.fromEntries(
    names.flatMap((name, i) => (operands[i] ? [[name.replace('?', ''), operands[i]]] : [])),
  ) as NamedTensorInfoMap
}
