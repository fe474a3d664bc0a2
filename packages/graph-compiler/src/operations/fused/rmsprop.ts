import type { TensorType, Value } from '../../ir/graph'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from '../operation'
import { RMSPROP_FLOPS, type RMSPropAttributes, rmspropStep } from '../optimizer'

/** Inputs and outputs come in groups, one a variable. */
function groups<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

/**
 * Every variable's centered RMSProp step in one sweep, of (gradient + variable · weightDecay) / lossScale, each of the
 * three rounded; without weightDecay or lossScale that part is left out.
 *
 * rate float32[], condition bool[], weightDecay and lossScale float32[] or null, then for each variable, all of its
 * shape: variable, meanSquare, meanGradient, momentum, gradient → for each variable: variable, meanSquare,
 * meanGradient, momentum
 */
export const multiTensorRMSProp: Operation = operation({
  name: 'MultiTensorRMSProp',
  inputs: ['rate', 'condition', 'weightDecay?', 'lossScale?', 'states...'],
  kind: 'optimizer',
  requires: ['decay', 'momentum', 'epsilon'],
  infer({ states, ...scalars }, _: RMSPropAttributes) {
    const op = 'MultiTensorRMSProp'
    for (const [name, type] of Object.entries(scalars))
      if (type && sizeOf(type) !== 1) throw new Error(`${op}: got ${name} ${typeText(type)}, expected one value`)
    if (states.length % 5) throw new Error(`${op}: got ${states.length} states, expected five for each variable`)
    return groups<TensorType>(states, 5).flatMap(([variable, ...rest], i) => {
      const odd = rest.find(({ shape }) => !sameShape(shape, variable!.shape))
      if (odd)
        throw new Error(`${op}: got ${typeText(odd)} for variable ${i} ${typeText(variable!)}, expected its shape`)
      return Array.from({ length: 4 }, () => dense(variable!.shape))
    })
  },
  flops({ weightDecay, lossScale, states }) {
    const values = groups(states, 5).reduce((sum, [variable]) => sum + sizeOf(variable!), 0)
    return (RMSPROP_FLOPS + (weightDecay ? 2 : 0) + (lossScale ? 1 : 0)) * values
  },
  expand(graph, { rate, condition, weightDecay, lossScale, states }, options) {
    const one = (op: string, ...inputs: Value[]) => graph.add(op, inputs)[0]!
    return groups<Value>(states, 5).flatMap((group) => {
      const [variable, meanSquare, meanGradient, momentum, own] = group as [Value, Value, Value, Value, Value]
      const decayed = weightDecay ? one('Add', own, one('Multiply', variable, weightDecay)) : own
      const gradient = lossScale ? one('RealDiv', decayed, lossScale) : decayed
      return rmspropStep(graph, { variable, meanSquare, meanGradient, momentum, gradient }, rate, condition, options)
    })
  },
})
