import { type backend_util, engine, type TensorInfo } from '@tensorflow/tfjs-core'
import { toValues, type Values } from '../interpreter/values'
import type { TensorType } from '../ir/graph'

/** Where a value that a traced function reads comes from. */
export interface Source {
  readonly type: TensorType
  readonly dataId: TensorInfo['dataId']
  /** Its values, where they were given to tfjs while the function ran. */
  readonly values?: backend_util.BackendValues
  /** Whether there are none: it stands for a tensor to be. */
  readonly placeholder?: boolean
}

/** A source's values; of another backend's tensor, those that it has now. */
export function valuesOf({ type, dataId, values, placeholder }: Source): Values | undefined {
  if (placeholder) return undefined
  if (!values && !engine().state.tensorInfo.has(dataId))
    throw new Error(
      'got values of a tensor that is gone, expected them asked for before it was disposed of, or its variable assigned to',
    )
  return toValues(values ?? engine().readSync(dataId), type.dtype)
}
