import type { Attributes, TensorType } from '../ir/graph'
import { internAttributes } from '../ir/intern'
import { arrays } from './array'
import { convolutions } from './convolution'
import { elementwise } from './elementwise'
import { fusedConvolutions } from './fused/convolution'
import { elementwiseChain } from './fused/elementwise'
import { layouts } from './fused/layout'
import { multiTensorRMSProp } from './fused/rmsprop'
import { images } from './image'
import { products } from './matmul'
import { operation, type Positional, typeText } from './operation'
import { optimizers } from './optimizer'
import { reductions } from './reduction'
import { defineOperation, operationOf } from './registry'
import { rest } from './rest'

/** A value from outside; its type is the node's own. */
const input = operation({
  name: 'Input',
  inputs: [],
  kind: 'input',
  blocked: true,
  infer: () => {
    throw new Error('got Input to infer, expected GraphBuilder.input: an input has the type that it is given')
  },
})

const recorded = [
  ...elementwise,
  ...reductions,
  ...arrays,
  ...convolutions,
  ...images,
  ...products,
  ...optimizers,
  ...rest,
]
const fused = [...fusedConvolutions, elementwiseChain, multiTensorRMSProp, ...layouts]
for (const entry of [input, ...recorded, ...fused]) defineOperation(entry)

/** A node's attributes in canonical form, interned, and its outputs' types. */
export interface Signature {
  readonly attributes: Attributes
  readonly types: readonly TensorType[]
}

/** What a node of these inputs has. @throws with got and expected where inputs or attributes do not fit */
export function signatureOf(op: string, inputs: Positional<TensorType>, attributes: Attributes): Signature {
  const entry = operationOf(op)
  const blocked = inputs.find((type) => type !== null && type.layout !== 'dense')
  if (blocked && !entry.blocked)
    throw new Error(`${op}: got ${typeText(blocked)}, expected dense: convert it with ToDense`)
  const canonical = internAttributes(entry.canonical(attributes, inputs)).value
  return { attributes: canonical, types: entry.infer(inputs, canonical) }
}
