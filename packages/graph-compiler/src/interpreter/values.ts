import type { backend_util, DataType } from '@tensorflow/tfjs-core'

/** A tensor's values, row-major: float32, int32, or bool as 0 and 1. */
export type Values = Float32Array | Int32Array | Uint8Array

/** The CPU backend's values as an array of the dtype; it sometimes keeps another kind. */
export function toValues(values: backend_util.BackendValues, dtype: DataType): Values {
  const Array_ = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype as 'float32']
  if (!Array_) throw new Error(`got dtype ${dtype}, expected float32, int32 or bool`)
  return values instanceof Array_ ? values : Array_.from(values as Iterable<number>)
}
