import * as tf from '@tensorflow/tfjs-core'
import type { Values } from '../interpreter/values'
import type { Graph } from '../ir/graph'
import { assemble } from './assemble'
import { TraceBackend } from './backend'
import { NAME, registerKernels } from './kernels'
import { type NamedTensor, namedTensors, numberName } from './names'
import { valuesOf } from './source'
import { Variables } from './variables'

/** A tensor to be: what is traced does not depend on values. */
export interface TensorSpec {
  readonly shape: readonly number[]
  readonly dtype?: tf.DataType
}

/** An input of a traced graph. */
export interface TraceInput {
  /**
   * `input 0` … for the function's arguments, a variable's name, a number that the function brought along, or nothing.
   */
  readonly name: string | undefined
  /**
   * The values; none for a `TensorSpec`. They are read when they are asked for: before the tensor is disposed of, or
   * its variable assigned to.
   */
  readonly values: Values | undefined
}

export interface Trace {
  /**
   * Its inputs are the arguments, used or not (a tensor given twice is one), then what else the function read. Its
   * outputs are those that `outputs` names.
   */
  readonly graph: Graph
  readonly inputs: readonly TraceInput[]
  /**
   * `output 0` … (or by the returned object's names) for what the function returned, then the names of the variables it
   * made or assigned.
   */
  readonly outputs: readonly string[]
}

type Traceable = (...inputs: tf.Tensor[]) => tf.TensorContainer
type Arguments = readonly (tf.Tensor | TensorSpec)[]

/**
 * What a function of tensors computes, as a graph; nothing is computed, and no backend is needed. A training step can
 * be traced too: gradients and the values of assigned variables belong to the graph, and the variables have their old
 * values afterwards.
 *
 * The function must not read tensors back (`data`, `dataSync`). Variables that it makes, such as an optimizer's slots
 * in its first step, are disposed of: trace with an optimizer of its own, or after a step that was really made.
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
  const flushed = backend.recorder.flush()
  const ends = results.map(({ tensor }) => ({ handle: backend.handle(tensor), shape: tensor.shape }))
  const given = tensors.map((tensor) => backend.handle(tensor).leaf!)
  const returnedAsIs = ends.flatMap(({ handle }) => handle.leaf ?? [])
  const sources = [...new Set([...given, ...(flushed?.inputs ?? []), ...returnedAsIs])].map((source) => {
    const place = given.indexOf(source)
    const name = place < 0 ? (variables.nameOf(source.dataId) ?? numberName(source)) : `input ${place}`
    return { source, name }
  })
  const graph = assemble(flushed, sources, ends)
  for (const { tensor } of results) if (tensor.id > before && !isVariable(tensor)) tensor.dispose() // they may be kept ones
  return {
    graph,
    inputs: sources.map(({ source, name }) => ({
      name,
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
