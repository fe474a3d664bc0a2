import { getKernel, type KernelFunc, registerKernel, type TensorInfo, util } from '@tensorflow/tfjs-core'
import type { Attributes } from '../ir/graph'
import { allOperations } from '../operations/registry'
import type { TraceBackend } from './backend'

export const NAME = 'graph-trace'

/** Registers a kernel for each operation of the table that has none yet: it is noted, not computed. */
export function registerKernels(): void {
  for (const { name, kind } of allOperations())
    if (kind !== 'input' && !getKernel(name, NAME))
      registerKernel({ kernelName: name, backendName: NAME, kernelFunc: VIEWS[name] ?? record(name) })
}

const record =
  (op: string): KernelFunc =>
  ({ inputs, attrs, backend }) => {
    const outputs = (backend as TraceBackend).record(op, inputs, (attrs ?? {}) as Attributes)
    return outputs.length === 1 && !LISTS.includes(op) ? outputs[0]! : outputs
  }

/** Kernels that give a list even of one. */
const LISTS = ['SplitV', 'Unpack']

type View = (params: { inputs: Record<string, TensorInfo>; attrs: Attributes; backend: TraceBackend }) => TensorInfo

const view = (func: View) => func as unknown as KernelFunc

/** The same data under another shape, as on tfjs's own backends. */
const VIEWS: Record<string, KernelFunc> = {
  Identity: view(({ inputs, backend }) => backend.alias(inputs.x!, inputs.x!.shape)),
  Reshape: view(({ inputs, attrs, backend }) => {
    const shape = util.inferFromImplicitShape(attrs.shape as number[], util.sizeFromShape(inputs.x!.shape))
    return backend.alias(inputs.x!, shape)
  }),
}
