import type { Value } from '../ir/graph'
import { dense, type Emitter, type Operation, operation, sameShape, sizeOf, typeText } from './operation'

// TensorFlow's ApplyCenteredRMSProp, which tfjs lacks (docs/architecture.md, "Optional kernels").

export interface RMSPropAttributes {
  decay: number
  momentum: number
  epsilon: number
}

/** Values of one shape, but for the rate (float32 scalar) and the condition (bool scalar). */
export interface RMSPropState {
  variable: Value
  meanSquare: Value
  meanGradient: Value
  momentum: Value
  gradient: Value
}

/**
 * One step as TensorFlow orders it (training_ops.cc), in recorded operations: [variable, meanSquare, meanGradient,
 * momentum].
 *
 *     ms  ← ms + (g² − ms)(1 − ρ)        mg ← mg + (g − mg)(1 − ρ)
 *     mom ← momentum·mom + g·lr / sqrt(ms − mg² + ε)        v ← v − mom
 */
export function rmspropStep(
  graph: Emitter,
  { variable, meanSquare, meanGradient, momentum, gradient }: RMSPropState,
  rate: Value,
  condition: Value,
  options: RMSPropAttributes,
): Value[] {
  const one = (op: string, ...inputs: Value[]) => graph.add(op, inputs)[0]!
  const constant = (value: number) => graph.add('Fill', [], { shape: [], value, dtype: 'float32' })[0]!
  const rest = constant(Math.fround(1 - Math.fround(options.decay)))
  const average = (mean: Value, value: Value) => one('Add', mean, one('Multiply', one('Sub', value, mean), rest))

  const ms = average(meanSquare, one('Square', gradient))
  const mg = average(meanGradient, gradient)
  const variance = one('Sub', ms, one('Square', mg)) // E[g²] − E[g]²
  const root = one('Sqrt', one('Add', variance, constant(options.epsilon)))
  const kept = one('Multiply', momentum, constant(options.momentum))
  const mom = one('Add', kept, one('RealDiv', one('Multiply', gradient, rate), root))
  const next = [one('Sub', variable, mom), ms, mg, mom]

  const everywhere = broadcastScalar(graph, condition, graph.typeOf(variable).shape)
  return next.map((value, i) => one('Select', everywhere, value, [variable, meanSquare, meanGradient, momentum][i]!))
}

function broadcastScalar(graph: Emitter, scalar: Value, shape: readonly number[]): Value {
  const [x] = graph.add('Reshape', [scalar], { shape: shape.map(() => 1) })
  return shape.length === 0 ? scalar : graph.add('Tile', [x!], { reps: shape })[0]!
}

/** Per value: 3 for each mean, 6 for the momentum, 1 for the variable. */
export const RMSPROP_FLOPS = 16

export const optimizers: Operation[] = [
  operation({
    name: 'ApplyCenteredRMSProp',
    inputs: ['variable', 'meanSquare', 'meanGradient', 'momentum', 'gradient', 'learningRate', 'condition'],
    kind: 'optimizer',
    requires: ['decay', 'momentum', 'epsilon'],
    infer({ learningRate, condition, ...state }) {
      const { variable } = state
      for (const [name, type] of Object.entries(state))
        if (!sameShape(type.shape, variable.shape))
          throw new Error(`ApplyCenteredRMSProp: got ${name} ${typeText(type)}, expected [${variable.shape}]`)
      if (sizeOf(learningRate) !== 1 || sizeOf(condition) !== 1 || condition.dtype !== 'bool')
        throw new Error(
          `ApplyCenteredRMSProp: got learningRate ${typeText(learningRate)}, condition ${typeText(condition)}, expected float32[] and bool[]`,
        )
      return Array.from({ length: 4 }, () => dense(variable.shape, variable.dtype))
    },
    flops: ({ variable }) => RMSPROP_FLOPS * sizeOf(variable),
    expand: (graph, { learningRate, condition, ...state }, options: RMSPropAttributes) =>
      rmspropStep(graph, state, learningRate, condition, options),
  }),
]
