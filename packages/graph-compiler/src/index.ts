/**
 * Records TensorFlow.js operations as a graph, and rewrites it.
 */

export { interpret } from './interpreter/interpret'
export { toValues, type Values } from './interpreter/values'
export { GraphBuilder } from './ir/builder'
export { checkGraph } from './ir/check'
export {
  type Attribute,
  type Attributes,
  type Graph,
  type Layout,
  type Node,
  type TensorType,
  typeOf,
  type Value,
} from './ir/graph'
export { graphKey } from './ir/key'
export { parseGraph } from './ir/parse'
export { attributesText, printGraph, valueText } from './ir/print'
export {
  inputNodes,
  liveNodes,
  prune,
  renumber,
  replaceValues,
  rewrite,
  sameValue,
  subgraph,
  type Use,
  usesOf,
  valueKey,
} from './ir/walk'
export { bytesOf, type Cost, costOf } from './operations/cost'
export { expandGraph } from './operations/expand'
export type {
  ConvolutionAttributes,
  ConvolutionFilterGradientAttributes,
  ConvolutionInputGradientAttributes,
  FusedActivation,
} from './operations/fused/convolution'
export type { ElementwiseAttributes, ElementwiseStep } from './operations/fused/elementwise'
export { type Sweep, sweepsOf } from './operations/fused/sweeps'
export { kernelInputs, operandsOf } from './operations/operands'
export {
  type Definition,
  dense,
  type Emitter,
  type Kind,
  type Named,
  type Operation,
  operation,
  type Positional,
  sizeOf,
  typeText,
} from './operations/operation'
export type { RMSPropAttributes } from './operations/optimizer'
export { allOperations, defineOperation, findOperation, operationOf } from './operations/registry'
export { type Signature, signatureOf } from './operations/table'
export {
  defaultPasses,
  editing,
  GraphEditor,
  type NamedPass,
  type OptimizeOptions,
  optimize,
  type Pass,
} from './passes'
export { graphPage } from './picture/page'
export { graphSvg } from './picture/svg'
export type { PictureOptions } from './picture/words'
export {
  defaultOverwrites,
  isView,
  type MemoryPlan,
  type Overwrites,
  overwritesNothing,
  type Place,
  type PlanOptions,
  planMemory,
} from './plan'
export { type Flushed, Handle, type LeafOwner, Recorder } from './recorder/recorder'
export { type TensorSpec, type Trace, type TraceInput, trace } from './trace/trace'
