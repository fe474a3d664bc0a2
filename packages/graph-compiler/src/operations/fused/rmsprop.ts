import type { TensorType, Value } from '../../ir/graph'
import { dense, type Operation, operation, sameShape, sizeOf, typeText } from '../operation'
import { RMSPROP_FLOPS, type RMSProp, rmspropStep } from '../optimizer'

/** Inputs and outputs come in groups, one a variable. */
function groups<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

/**
 * Every variable's centered RMSProp step in one sweep. With `decay` (a float32 scalar) the gradient is first
 * gradient + variable · decay: the weight decay's.
 *
 * rate float32[], condition bool[], decay float32[] or null, then for each variable, all of its shape:
 * variable, meanSquare, meanGradient, momentum, gradient → for each variable: variable, meanSquare, meanGradient, momentum
 */
export const multiTensorRMSProp: Operation = operation({
  name: 'MultiTensorRMSProp',
  inputs: ['rate', 'condition', 'decay?', 'states...'],
  kind: 'optimizer',
  infer({ rate, condition, decay, states }, _: RMSProp) {
    const op = 'MultiTensorRMSProp'
    for (const [name, type] of Object.entries({ rate, condition, decay }))
      if (type && sizeOf(type) !== 1) throw new Error(`${op}: got ${name} ${typeText(type)}, expected one value`)
    if (states.length % 5) throw new Error(`${op}: got ${states.length} states, expected five for each variable`)
    return groups<TensorType>(states, 5).flatMap(([variable, ...rest], i) => {
      const odd = rest.find(({ shape }) => !sameShape(shape, variable!.shape))
      if (odd)
        throw new Error(`${op}: got ${typeText(odd)} for variable ${i} ${typeText(variable!)}, expected its shape`)
      return Array.from({ length: 4 }, () => dense(variable!.shape))
    })
  },
  flops: ({ decay, states }) =>
    (RMSPROP_FLOPS + (decay ? 2 : 0)) * groups(states, 5).reduce((sum, [variable]) => sum + sizeOf(variable!), 0),
  expand(graph, { rate, condition, decay, states }, options) {
    const one = (op: string, ...inputs: Value[]) => graph.add(op, inputs)[0]!
    return groups<Value>(states, 5).flatMap((group) => {
      const [variable, meanSquare, meanGradient, momentum, own] = group as [Value, Value, Value, Value, Value]
      const gradient = decay ? one('Add', own, one('Multiply', variable, decay)) : own
      return rmspropStep(graph, { variable, meanSquare, meanGradient, momentum, gradient }, rate, condition, options)
    })
  },
})
