import * as tf from '@tensorflow/tfjs-core'
import type { Values } from '../interpreter/values'
import { GraphBuilder } from '../ir/builder'
import type { Graph, Value } from '../ir/graph'
import { prune } from '../ir/walk'
import { sameShape } from '../operations/operation'
import type { Handle } from '../recorder/recorder'
import { TraceBackend } from './backend'
import { NAME, registerKernels } from './kernels'
import { type NamedTensor, namedTensors, numberName } from './names'
import { type Source, valuesOf } from './source'
import { Variables } from './variables'

/** A tensor to be: what is traced does not depend on values. */
export interface TensorSpec {
  readonly shape: readonly number[]
  readonly dtype?: tf.DataType
}

/** An input of a traced graph. */
export interface TraceInput {
  /** `input 0` … for the function's arguments, a variable's name, a number that the function brought along, or nothing. */
  readonly name: string | undefined
  /** The values, read each time they are asked for; none for a `TensorSpec`. */
  readonly values: Values | undefined
}

export interface Trace {
  /** Its inputs are the arguments, used or not, then what else the function read. Its outputs are those that `outputs` names. */
  readonly graph: Graph
  readonly inputs: readonly TraceInput[]
  /** `output 0` … (or by the returned object's names) for what the function returned, then the names of the variables it made or assigned. */
  readonly outputs: readonly string[]
}

type Traceable = (...inputs: tf.Tensor[]) => tf.TensorContainer
type Arguments = readonly (tf.Tensor | TensorSpec)[]

/**
 * What a function of tensors computes, as a graph; nothing is computed, and no backend is needed. A training step can be traced too:
 * gradients and the values of assigned variables belong to the graph, and the variables have their old values afterwards.
 *
 * The function must not read tensors back (`data`, `dataSync`). Variables that it makes, such as an optimizer's slots in its
 * first step, are disposed of: trace with an optimizer of its own, or after a step that was really made.
 *
 * @param fn gets a tensor for each input; returns a tensor, an array or an object of them, or nothing
 * @param inputs tensors, whose values become those of the graph's inputs, or shapes
 * @throws where the function uses an operation that is not in the table
 */
export function trace(fn: Traceable, inputs: Arguments = []): Trace {
  const engine = tf.engine()
  const previous = engine.backendName as string | null
  if (previous === NAME) throw new Error('got a trace inside of a trace, expected one after the other')
  const variables = new Variables()
  const backend = new TraceBackend()
  registerKernels()
  tf.registerBackend(NAME, () => backend, 0)
  engine.setBackend(NAME) // at once: nothing is loaded
  engine.startScope('trace')
  try {
    return traced(fn, inputs, backend, variables)
  } finally {
    engine.endScope()
    if (previous) engine.setBackend(previous)
    variables.restore()
    tf.removeBackend(NAME)
  }
}

function traced(fn: Traceable, inputs: Arguments, backend: TraceBackend, variables: Variables): Trace {
  const tensors = inputs.map((input) => (input instanceof tf.Tensor ? input : placeholder(input, backend)))
  const before = tf.scalar(0).id
  const returned = tf.tidy(() => fn(...tensors))
  const results = [
    ...namedTensors(returned),
    ...variables.changed().map((variable): NamedTensor => ({ name: variable.name, tensor: variable })),
  ]
  const ends = results.map(({ tensor }) => backend.handle(tensor))
  const flushed = backend.recorder.flush()

  const places = new Map(tensors.map((tensor, i) => [backend.handle(tensor).leaf!, `input ${i}`]))
  const untouched = ends.flatMap(({ leaf }) => leaf ?? [])
  const sources = [...new Set([...places.keys(), ...(flushed?.inputs ?? []), ...untouched])]
  const names = sources.map((source) => places.get(source) ?? variables.nameOf(source.dataId) ?? numberName(source))

  const builder = new GraphBuilder()
  const begins = new Map(sources.map((source, i) => [source, builder.input(source.type, names[i])]))
  const values = new Map<Handle<Source>, Value>()
  if (flushed) {
    const { graph, inputs, outputs } = flushed
    const moved = copyNodes(
      graph,
      builder,
      inputs.map((source) => begins.get(source)!),
    )
    outputs.forEach((handle, i) => {
      values.set(handle, moved(graph.outputs[i]!))
    })
  }
  const outputs = results.map(({ tensor }, i) => {
    const value = values.get(ends[i]!) ?? begins.get(ends[i]!.leaf!)!
    const asIs = sameShape(tensor.shape, builder.typeOf(value).shape)
    return asIs ? value : builder.add('Reshape', [value], { shape: tensor.shape })[0]!
  })
  for (const { tensor } of results) if (tensor.id > before && !isVariable(tensor)) tensor.dispose() // they may be kept ones
  return {
    graph: prune(builder.build(outputs)),
    inputs: sources.map((source, i) => ({
      name: names[i],
      get values() {
        return valuesOf(source)
      },
    })),
    outputs: results.map(({ name }) => name),
  }
}

const isVariable = (tensor: tf.Tensor): boolean => tensor instanceof tf.Variable

const placeholder = ({ shape, dtype = 'float32' }: TensorSpec, backend: TraceBackend): tf.Tensor =>
  tf.engine().makeTensorFromTensorInfo(backend.input(shape, dtype, { placeholder: true }))

/** Adds a graph's nodes to the builder, with other values for its inputs; says what became of its values. */
function copyNodes({ nodes }: Graph, builder: GraphBuilder, inputs: readonly Value[]) {
  const values: (readonly Value[])[] = []
  const moved = ({ node, output }: Value) => values[node]![output]!
  let taken = 0
  for (const node of nodes)
    values.push(
      node.op === 'Input'
        ? [inputs[taken++]!]
        : builder.push({ ...node, inputs: node.inputs.map((value) => value && moved(value)) }),
    )
  return moved
}
