// TensorFlow's fused optimizer step, which tfjs lacks.
import { isFloat, register } from './register'

type Input = 'variable' | 'meanSquare' | 'meanGradient' | 'momentum' | 'gradient' | 'learningRate' | 'condition'

interface Attributes {
  decay: number
  momentum: number
  epsilon: number
}

export function registerRMSProp(): void {
  register<Input, Attributes>('ApplyCenteredRMSProp', (inputs, { decay, momentum, epsilon }, backend) => {
    const { variable, meanSquare, meanGradient, momentum: velocity, gradient, learningRate, condition } = inputs
    const state = [variable, meanSquare, meanGradient, velocity]
    if (!isFloat(...state, gradient, learningRate)) return undefined
    if (!backend.bools(condition)[0]) return state.map((tensor) => backend.alias(tensor, tensor.shape))
    const outputs = state.map(({ shape }) => backend.output(shape))
    backend.addon.rmsprop(
      [...state, gradient].map((tensor) => backend.floats(tensor)),
      outputs.map(({ values }) => values),
      backend.floats(learningRate)[0]!,
      decay,
      momentum,
      epsilon,
    )
    return outputs.map(({ info }) => info)
  })
}
