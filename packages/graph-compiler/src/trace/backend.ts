import { type backend_util, type DataType, engine, KernelBackend, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Attributes } from '../ir/graph'
import { operandsOf } from '../operations/operands'
import { dense } from '../operations/operation'
import { type Handle, Recorder } from '../recorder/recorder'
import type { Source } from './source'

type DataId = TensorInfo['dataId']

/** A tensor's data that the traced function made. */
interface Entry {
  readonly handle: Handle<Source>
  refCount: number
}

/** A backend that computes nothing. Tensors of other backends stay where they are; they are the graph's inputs. */
export class TraceBackend extends KernelBackend {
  readonly recorder: Recorder<Source>
  private readonly own = new Map<DataId, Entry>()
  private readonly foreign = new Map<DataId, Handle<Source>>()

  constructor() {
    super()
    // Nothing is ever run, so there is no limit to what may be pending, and nothing to free.
    const nothing = () => {}
    this.recorder = new Recorder<Source>({ retain: nothing, release: nothing, run: nothing }, Number.POSITIVE_INFINITY)
  }

  record(op: string, inputs: Parameters<typeof operandsOf>[1], attributes: Attributes): TensorInfo[] {
    const operands = operandsOf(op, inputs)
    const handles = operands.map((info) => info && this.handle(info))
    const shapes = operands.map((info) => info?.shape)
    return this.recorder.record(op, handles, attributes, shapes).map((handle) => this.tensor(handle))
  }

  /** A new tensor's data. */
  tensor(handle: Handle<Source>): TensorInfo {
    const dataId = handle.leaf?.dataId ?? {}
    this.own.set(dataId, { handle, refCount: 1 })
    return { dataId, shape: [...handle.type.shape], dtype: handle.type.dtype }
  }

  /** The same data, perhaps under another shape. */
  alias({ dataId, dtype }: TensorInfo, shape: number[]): TensorInfo {
    this.incRef(dataId)
    return { dataId, shape, dtype }
  }

  handle({ dataId, shape, dtype }: TensorInfo): Handle<Source> {
    const known = this.own.get(dataId)?.handle ?? this.foreign.get(dataId)
    if (known) return known
    const handle = this.leaf(dataId, shape, dtype)
    this.foreign.set(dataId, handle)
    return handle
  }

  /** A tensor that comes from outside. */
  input(shape: readonly number[], dtype: DataType, source: Pick<Source, 'values' | 'placeholder'>): TensorInfo {
    return this.tensor(this.leaf({}, shape, dtype, source))
  }

  override write(values: backend_util.BackendValues, shape: number[], dtype: DataType): DataId {
    return this.input(shape, dtype, { values }).dataId
  }

  private leaf(dataId: DataId, shape: readonly number[], dtype: DataType, source: Partial<Source> = {}) {
    return this.recorder.leaf({ ...source, type: dense(shape, dtype), dataId }, shape, dtype)
  }

  override incRef(dataId: DataId): void {
    const entry = this.own.get(dataId)
    if (entry) entry.refCount++
    else engine().state.tensorInfo.get(dataId)!.backend.incRef(dataId)
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const entry = this.own.get(dataId)
    if (!entry) return true
    entry.refCount--
    if (!force && entry.refCount > 0) return false
    this.recorder.release(entry.handle)
    return this.own.delete(dataId)
  }

  override readSync(dataId: DataId): backend_util.BackendValues {
    const values = this.own.get(dataId)?.handle.leaf?.values
    if (!values)
      throw new Error(
        'got a read of a tensor in a traced function, expected none: it has no values until the graph is run',
      )
    return values
  }

  override async read(dataId: DataId): Promise<backend_util.BackendValues> {
    return this.readSync(dataId)
  }

  override refCount(dataId: DataId): number {
    return this.own.get(dataId)?.refCount ?? 0
  }

  override numDataIds(): number {
    return this.own.size
  }

  override memory() {
    return { unreliable: false }
  }

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return 1e-7
  }

  override timerAvailable(): boolean {
    return false
  }

  override dispose(): void {}
}
