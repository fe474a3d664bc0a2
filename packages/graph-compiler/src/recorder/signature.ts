import type { Attributes, TensorType } from '../ir/graph'
import { generation, internAttributes, nodeId, Trie, typeId } from '../ir/intern'
import { signatureOf } from '../operations/table'
import type { Handle } from './handle'

/** All that a node is but its inputs. */
export interface RecordedSignature {
  readonly attributes: Attributes
  readonly types: readonly TensorType[]
  readonly typeIds: readonly number[]
  readonly id: number
}

let known = new Map<string, Trie<RecordedSignature>>()
let knownSince = generation

/** `signatureOf`, inferred once for each operation, attributes and types of inputs, and then only looked up. */
export function recordedSignature(
  op: string,
  inputs: readonly (Handle<unknown> | null)[],
  attributes: Attributes,
): RecordedSignature {
  if (knownSince !== generation) {
    known = new Map()
    knownSince = generation
  }
  let trie = known.get(op)
  if (!trie) {
    trie = new Trie()
    known.set(op, trie)
  }
  let place = trie.at(internAttributes(attributes).id)
  for (let i = 0; i < inputs.length; i++) place = place.at(inputs[i]?.typeId ?? 0)
  if (!place.value) {
    const types = inputs.map((handle) => handle?.type ?? null)
    const signature = signatureOf(op, types, attributes)
    const id = nodeId(op, signature.attributes, signature.types)
    place.value = { ...signature, typeIds: signature.types.map(typeId), id }
  }
  return place.value
}
