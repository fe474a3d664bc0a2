import { typeText } from '../operations/operation'
import type { Attribute, Attributes, Graph, Value } from './graph'

/**
 * A graph as text, one line a node and one for the outputs:
 *
 *     %0 = Input() : float32[2,64,64,3]
 *     %1 = Relu(%0) : float32[2,64,64,3]
 *     return %1
 *
 * `%7#1` is the second output of node 7, `_` an input that is left out. Attributes are in alphabetical order. Equal
 * graphs have equal texts.
 */
export function printGraph({ nodes, outputs }: Graph): string {
  const lines = nodes.map(({ op, inputs, attributes, types }, i) => {
    const operands = inputs.map((value) => (value ? valueText(value) : '_')).join(', ')
    const written = attributesText(attributes)
    return `%${i} = ${op}(${operands})${written && ` ${written}`} : ${types.map(typeText).join(', ')}`
  })
  return `${[...lines, `return ${outputs.map(valueText).join(', ')}`.trimEnd()].join('\n')}\n`
}

export const valueText = ({ node, output }: Value): string => `%${node}${output === 0 ? '' : `#${output}`}`

/** Attributes as printed graphs have them: `{pad: "same", strides: [1,1]}`; nothing where there are none. */
export function attributesText(attributes: Attributes): string {
  const names = Object.keys(attributes).sort()
  return names.length === 0 ? '' : `{${names.map((name) => `${name}: ${text(attributes[name]!)}`).join(', ')}}`
}

function text(attribute: Attribute): string {
  if (typeof attribute === 'number') return Object.is(attribute, -0) ? '-0' : String(attribute)
  if (attribute === null || typeof attribute !== 'object') return JSON.stringify(attribute)
  if (Array.isArray(attribute)) return `[${attribute.map(text).join(',')}]`
  return attributesText(attribute as Attributes) || '{}'
}
