import { engine, getKernel, type KernelBackend, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Attributes, Graph, Node, TensorType } from '../ir/graph'
import { expandGraph } from '../operations/expand'
import { kernelInputs } from '../operations/operands'
import { typeText } from '../operations/operation'
import { referenceKernels } from './reference'
import type { Values } from './values'
import { toValues } from './values'

/** What the interpreter uses of tfjs-backend-cpu. */
interface CpuBackend extends KernelBackend {
  disposeIntermediateTensorInfo(info: TensorInfo): void
}

function cpuBackend(): CpuBackend {
  const backend = engine().findBackend('cpu')
  if (!backend) throw new Error('got no backend cpu, expected one to compute with: load @tensorflow/tfjs-backend-cpu')
  return backend as CpuBackend
}

/**
 * Computes a graph node by node with tfjs's CPU kernels, fused operations by their expansions and blocked values as
 * dense ones: slow, and what everything faster is tested against. Nothing is left behind, whatever happens.
 *
 * @param inputs the values of the graph's inputs, in their order, row-major (also where the graph wants them blocked)
 * @returns the outputs' values: Float32Array, Int32Array, or Uint8Array of 0 and 1 for bool
 */
export function interpret(graph: Graph, inputs: readonly Values[]): Values[] {
  const plain = expandGraph(graph)
  const run = new Run(cpuBackend(), plain)
  try {
    let given = 0
    for (const node of plain.nodes) {
      if (node.op === 'Input') run.input(node.types[0]!, inputs[given], given++)
      else run.node(node)
    }
    if (given !== inputs.length) throw new Error(`got ${inputs.length} inputs, expected ${given}`)
    return run.outputs()
  } finally {
    run.dispose()
  }
}

class Run {
  /** What each node gave so far. */
  private readonly values: TensorInfo[][] = []
  /** How many nodes and outputs still read each node's values. */
  private readonly readers: number[]

  constructor(
    private readonly backend: CpuBackend,
    private readonly graph: Graph,
  ) {
    this.readers = graph.nodes.map(() => 0)
    for (const { inputs } of graph.nodes) for (const value of inputs) if (value) this.readers[value.node]!++
    for (const { node } of graph.outputs) this.readers[node]!++
  }

  input(type: TensorType, values: Values | undefined, index: number): void {
    const size = type.shape.reduce((product, side) => product * side, 1)
    if (values?.length !== size)
      throw new Error(`input ${index}: got ${values?.length ?? 'no'} values, expected ${size} for ${typeText(type)}`)
    this.keep([this.write(values, type)])
  }

  node({ op, inputs, attributes, types }: Node): void {
    const operands = inputs.map((value) => value && this.values[value.node]![value.output]!)
    const reference = referenceKernels[op]?.(
      operands.map((info) => info && this.read(info)),
      inputs.map((value) => value && this.graph.nodes[value.node]!.types[value.output]!),
      attributes,
    )
    const infos = reference ? [this.write(reference, types[0]!)] : runKernel(this.backend, op, operands, attributes)
    this.keep(infos)
    checkTypes(op, infos, types)
    for (const value of inputs) if (value) this.drop(value.node)
  }

  outputs(): Values[] {
    return this.graph.outputs.map(({ node, output }) => {
      const { dtype } = this.graph.nodes[node]!.types[output]!
      return toValues(this.backend.readSync(this.values[node]![output]!.dataId), dtype).slice()
    })
  }

  dispose(): void {
    for (const info of this.values.flat()) this.backend.disposeIntermediateTensorInfo(info)
  }

  private write(values: Values, { shape, dtype }: TensorType): TensorInfo {
    return { dataId: this.backend.write(values, [...shape], dtype), shape: [...shape], dtype }
  }

  private read({ dataId, dtype }: TensorInfo): Values {
    return toValues(this.backend.readSync(dataId), dtype)
  }

  private keep(infos: TensorInfo[]): void {
    const node = this.values.push(infos) - 1
    if (this.readers[node] === 0) this.free(node)
  }

  private drop(node: number): void {
    if (--this.readers[node]! === 0) this.free(node)
  }

  private free(node: number): void {
    for (const info of this.values[node]!) this.backend.disposeIntermediateTensorInfo(info)
    this.values[node] = []
  }
}

/** The table's inference and the kernel must agree. */
function checkTypes(op: string, infos: readonly TensorInfo[], types: readonly TensorType[]): void {
  const got = infos.map(({ shape, dtype }) => `${dtype}[${shape}]`).join(', ')
  const expected = types.map(typeText).join(', ')
  if (got !== expected) throw new Error(`${op}: got ${got} from backend cpu, expected ${expected}`)
}

/** Runs a kernel of the CPU backend. */
function runKernel(
  backend: CpuBackend,
  op: string,
  operands: (TensorInfo | null)[],
  attributes: Attributes,
): TensorInfo[] {
  const kernel = getKernel(op, 'cpu')
  if (!kernel) throw new Error(`${op}: got no kernel of backend cpu, expected one, or an expansion in the table`)
  const outputs = kernel.kernelFunc({
    inputs: kernelInputs(op, operands),
    attrs: { ...attributes } as NamedAttrMap,
    backend,
  })
  return Array.isArray(outputs) ? outputs : [outputs]
}
