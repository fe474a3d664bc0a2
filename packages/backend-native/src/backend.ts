// The backend: the CPU backend's storage (a typed array for each tensor) with memory that is used again.
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { type backend_util, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { Addon } from './addon'
import { type Block, Pool } from './pool'

type DataId = TensorInfo['dataId']
type Values = backend_util.BackendValues

/** The CPU backend's record of a tensor, and the block that its values lie in, if they are ours. */
interface Entry {
  values?: Values
  dtype: DataType
  refCount: number
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo }
  block?: Block
}

export class NativeBackend extends MathBackendCPU {
  readonly pool: Pool

  constructor(readonly addon: Addon) {
    super()
    this.pool = new Pool(addon)
  }

  /** A tensor of the user's: its values stay theirs and are never written or used again. */
  override write(values: Values, _shape: number[], dtype: DataType): DataId {
    const dataId = {}
    this.data.set(dataId, { values, dtype, refCount: 1 })
    return dataId
  }

  /** A new tensor and its values, for a kernel to fill: they hold anything. */
  output(shape: number[], dtype?: 'float32'): { info: TensorInfo; values: Float32Array }
  output(shape: number[], dtype: 'bool'): { info: TensorInfo; values: Uint8Array }
  output(
    shape: number[],
    dtype: 'float32' | 'bool' = 'float32',
  ): { info: TensorInfo; values: Float32Array | Uint8Array } {
    const count = util.sizeFromShape(shape)
    const Values = dtype === 'bool' ? Uint8Array : Float32Array
    const block = this.pool.take(count * Values.BYTES_PER_ELEMENT)
    const values = block ? new Values(block.buffer, block.offset, count) : new Values(count)
    const dataId = {}
    const entry: Entry = { values, dtype, refCount: 1, block }
    this.data.set(dataId, entry)
    return { info: { dataId, shape, dtype }, values }
  }

  private entry(dataId: DataId): Entry {
    return this.data.get(dataId)
  }

  /** The values of a float32 tensor. CPU kernels sometimes keep another kind of array for one; those are converted. */
  floats({ dataId }: TensorInfo): Float32Array {
    const { values } = this.entry(dataId)
    return values instanceof Float32Array ? values : Float32Array.from(values as Iterable<number>)
  }

  /** The values of a bool tensor. */
  bools({ dataId }: TensorInfo): Uint8Array {
    const { values } = this.entry(dataId)
    return values instanceof Uint8Array ? values : Uint8Array.from(values as Iterable<number>)
  }

  /** The same data under another shape. */
  alias({ dataId, dtype }: TensorInfo, shape: number[]): TensorInfo {
    this.incRef(dataId)
    return { dataId, shape, dtype }
  }

  /** A copy, because the memory will be used again when the tensor is gone. */
  override readSync(dataId: DataId): Values {
    const values = super.readSync(dataId)
    return this.entry(dataId).block ? (values as Float32Array).slice() : values
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const block = this.data.has(dataId) ? this.entry(dataId).block : undefined
    const gone = super.disposeData(dataId, force)
    if (gone && block) this.pool.give(block)
    return gone
  }

  /**
   * After a kernel of the CPU backend: where an output shares an input's memory (its Slice returns a view, its Complex keeps the arrays), that memory
   * is no longer ours to use again.
   */
  releaseShared(inputs: TensorInfo[], outputs: TensorInfo[]): void {
    const bufferOf = ({ values }: Entry) => (ArrayBuffer.isView(values) ? values.buffer : undefined)
    const entriesOf = (tensors: TensorInfo[]): Entry[] =>
      tensors.flatMap(({ dataId }) => {
        if (!this.data.has(dataId)) return []
        const entry = this.entry(dataId)
        const parts = entry.complexTensorInfos
        return [entry, ...(parts ? entriesOf([parts.real, parts.imag]) : [])]
      })
    const outs = entriesOf(outputs)
    for (const entry of entriesOf(inputs)) {
      if (!entry.block || !outs.some((out) => out !== entry && bufferOf(out) === entry.block!.buffer)) continue
      this.pool.forget(entry.block)
      entry.block = undefined
    }
  }

  /** `poolBytes`: what the backend holds for tensors, in use or waiting to be used again. */
  override memory() {
    const { lent, waiting } = this.pool.bytes
    return { unreliable: false, reasons: [], poolBytes: lent + waiting }
  }

  override dispose(): void {
    this.pool.clear()
  }
}
