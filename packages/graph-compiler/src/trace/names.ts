import { Tensor, type TensorContainer } from '@tensorflow/tfjs-core'
import type { Source } from './source'

// What people call the ends of a traced graph.

export interface NamedTensor {
  readonly name: string
  readonly tensor: Tensor
}

/** All tensors of what a function returned: `output 0` …, or by an object's names. */
export function namedTensors(container: TensorContainer): NamedTensor[] {
  const lone = container instanceof Tensor
  return list(lone ? [container] : container, '').map(({ name, tensor }) => ({
    name: /^\d/.test(name) ? `output ${name}` : name,
    tensor,
  }))
}

function list(container: unknown, path: string): NamedTensor[] {
  if (container instanceof Tensor) return [{ name: path, tensor: container }]
  if (typeof container !== 'object' || container === null) return []
  return Object.entries(container).flatMap(([key, value]) => list(value, path ? `${path}.${key}` : key))
}

/** The digits of a lone number that the function brought along. */
export const numberName = ({ values }: Source): string | undefined =>
  values?.length === 1 ? String(Number(Number(values[0]).toPrecision(7))) : undefined
