import type { Value } from '../ir/graph'
import { sameValue } from '../ir/walk'
import { GraphEditor, type Pass } from './editor'
import { Groups } from './groups'

/**
 * All variables' updates of a step become one, and the weight decay and the division by the loss scale join it:
 *
 *     variable₁ ──▶ Multiply(decay) ─┐
 *     gradient₁ ─────────────────────┴▶ Add ──▶ RealDiv(scale) ──▶ ApplyCenteredRMSProp        →   MultiTensorRMSProp
 *     variable₂ …                                              ──▶ ApplyCenteredRMSProp
 *
 * in the same order of the same roundings. Updates of another rate, condition, decay or scale make a node of their own.
 */
export const multiTensorRMSProp: Pass = (graph) => {
  const editor = new GraphEditor(graph)
  const groups = new Groups(graph)
  const alike = new Map<string, number[]>() // the first of each group
  for (const number of editor.find('ApplyCenteredRMSProp')) {
    const key = JSON.stringify([editor.node(number).attributes, updateOf(editor, number).shared])
    const firsts = alike.get(key) ?? []
    if (!firsts.some((first) => groups.merge(first, number))) alike.set(key, [...firsts, number])
  }
  for (const first of [...alike.values()].flat()) {
    const members = groups.nodesOf(first)
    const updates = members.map((member) => updateOf(editor, member))
    const inputs = [...updates[0]!.shared, ...updates.flatMap(({ own }) => own)]
    const fused = editor.add(members.at(-1)!, 'MultiTensorRMSProp', inputs, editor.node(first).attributes)
    editor.replaceAll(
      members.flatMap((member) => editor.outputsOf(member)),
      fused,
    )
  }
  return editor.result()
}

/** An update's inputs as MultiTensorRMSProp has them: those that all variables share, and a variable's own. */
function updateOf(graph: GraphEditor, number: number) {
  const [variable, meanSquare, meanGradient, momentum, gradient, rate, condition] = graph.node(number).inputs as Value[]
  const { raw, weightDecay, lossScale } = plainGradient(graph, gradient!, variable!)
  return {
    shared: [rate!, condition!, weightDecay, lossScale],
    own: [variable!, meanSquare!, meanGradient!, momentum!, raw],
  }
}

/** gradient = (raw + variable · weightDecay) / lossScale, with or without either. */
function plainGradient(graph: GraphEditor, gradient: Value, variable: Value) {
  const isScalar = (value: Value) => graph.type(value).shape.length === 0
  const operands = (value: Value, op: string) => (graph.made(value, op)?.inputs ?? []) as Value[]
  const [dividend, divisor] = operands(gradient, 'RealDiv')
  const lossScale = divisor && isScalar(divisor) ? divisor : null
  const scaled = lossScale ? dividend! : gradient

  const terms = operands(scaled, 'Add')
  for (const [i, term] of terms.entries()) {
    const factors = operands(term, 'Multiply')
    const weightDecay = factors.find((factor) => isScalar(factor) && !sameValue(factor, variable))
    if (weightDecay && factors.some((factor) => sameValue(factor, variable)))
      return { raw: terms[1 - i]!, weightDecay, lossScale }
  }
  return { raw: scaled, weightDecay: null, lossScale }
}
