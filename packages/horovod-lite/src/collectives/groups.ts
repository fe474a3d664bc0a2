import type * as tf from '@tensorflow/tfjs-core'
import { all, map, type Pending } from './pending'

/** Tensors of one dtype, which travel as one operation. */
export interface Group {
  dtype: tf.DataType
  /** Of the operation. */
  name: string
  tensors: tf.Tensor[]
  /** Of the tensors, for messages. */
  names: string[]
}

/** Begins one operation for each dtype among the tensors. The results come in the tensors' order. */
export function eachDtype(
  name: string,
  tensors: readonly tf.Tensor[],
  names: readonly string[],
  start: (group: Group) => Pending<tf.Tensor[]>,
): Pending<tf.Tensor[]> {
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))]
  if (dtypes.length === 0) dtypes.push('float32') // without tensors the ranks still have to agree
  const started = dtypes.map((dtype) => {
    const places = [...tensors.keys()].filter((i) => tensors[i]!.dtype === dtype)
    const group = {
      dtype,
      name: dtypes.length === 1 ? name : `${name}.${dtype}`,
      tensors: places.map((i) => tensors[i]!),
      names: places.map((i) => names[i]!),
    }
    return map(start(group), (results) => results.map((result, i) => [places[i]!, result] as const))
  })
  return map(all(started), (results) => {
    const placed = new Map(results.flat())
    return tensors.map((_, i) => placed.get(i)!)
  })
}
