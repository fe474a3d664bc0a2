import type { Graph } from '../ir/graph'
import { canonicalise } from './canonicalise'
import { commonSubexpressions } from './common-subexpressions'
import { constantFolding } from './constant-folding'
import { convolution } from './convolution'
import { convolutionEpilogue } from './convolution-epilogue'
import { convolutionFilterGradient } from './convolution-filter-gradient'
import { convolutionInputGradient } from './convolution-input-gradient'
import { deadCode } from './dead-code'
import type { Pass } from './editor'
import { elementwise } from './elementwise'
import { layout } from './layout'
import { maxPoolGradient } from './max-pool-gradient'
import { multiTensorRMSProp } from './multi-tensor-rmsprop'
import { reluGradient } from './relu-gradient'

export { editing, GraphEditor, type Pass } from './editor'
export interface NamedPass {
  readonly name: string
  readonly pass: Pass
}

/** The passes that are run unless others are asked for, in this order. */
export const defaultPasses: readonly NamedPass[] = [
  { name: 'dead-code', pass: deadCode },
  { name: 'canonicalise', pass: canonicalise },
  { name: 'constant-folding', pass: constantFolding },
  { name: 'common-subexpressions', pass: commonSubexpressions },
  { name: 'relu-gradient', pass: reluGradient },
  { name: 'convolution-epilogue', pass: convolutionEpilogue },
  { name: 'convolution', pass: convolution },
  { name: 'convolution-input-gradient', pass: convolutionInputGradient },
  { name: 'convolution-filter-gradient', pass: convolutionFilterGradient },
  { name: 'max-pool-gradient', pass: maxPoolGradient },
  { name: 'multi-tensor-rmsprop', pass: multiTensorRMSProp },
  { name: 'elementwise', pass: elementwise },
  { name: 'layout', pass: layout },
]

export interface OptimizeOptions {
  /** Default: `defaultPasses`. */
  passes?: readonly NamedPass[]
  /** Is told of the graph before the first pass, as `recorded`, and after each. */
  onPass?: (name: string, graph: Graph) => void
}

/** The graph after all passes. */
export function optimize(graph: Graph, { passes = defaultPasses, onPass }: OptimizeOptions = {}): Graph {
  onPass?.('recorded', graph)
  return passes.reduce((current, { name, pass }) => {
    const next = pass(current)
    onPass?.(name, next)
    return next
  }, graph)
}
