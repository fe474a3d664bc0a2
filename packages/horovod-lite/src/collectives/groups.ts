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

/** Tensors, and where in the caller's list they belong. */
type Placed = (readonly [place: number, result: tf.Tensor])[]

/**
 * Begins one operation for each dtype among the tensors. The results come in the tensors' order.
 * @throws what `start` does; results of what had begun before are disposed when they come
 */
export function eachDtype(
  name: string,
  tensors: readonly tf.Tensor[],
  names: readonly string[],
  start: (group: Group) => Pending<tf.Tensor[]>,
): Pending<tf.Tensor[]> {
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))]
  if (dtypes.length === 0) dtypes.push('float32') // without tensors the ranks still have to agree
  const started: Pending<Placed>[] = []
  const begin = (dtype: tf.DataType) => {
    const places = [...tensors.keys()].filter((i) => tensors[i]!.dtype === dtype)
    const group = {
      dtype,
      name: dtypes.length === 1 ? name : `${name}.${dtype}`,
      tensors: places.map((i) => tensors[i]!),
      names: places.map((i) => names[i]!),
    }
    started.push(map(start(group), (results) => results.map((result, i) => [places[i]!, result] as const)))
  }
  try {
    for (const dtype of dtypes) begin(dtype)
  } catch (error) {
    for (const each of started) void forget(each)
    throw error
  }
  return map(all(started), (results) => {
    const placed = new Map(results.flat())
    return tensors.map((_, i) => placed.get(i)!)
  })
}

/** Nobody wants the results, but what an operation holds is free only when it has been waited for. */
const forget = (pending: Pending<Placed>): Promise<void> =>
  pending.promise().then(
    (results) => {
      for (const [, result] of results) result.dispose()
    },
    () => {}, // it failed too
  )
