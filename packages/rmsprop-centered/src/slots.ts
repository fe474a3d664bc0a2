import * as tf from '@tensorflow/tfjs-core'
import type { Hyperparameters } from './options'
import type { State } from './update'

/** tfjs's type of that name, which it doesn't export. */
export interface NamedTensor {
  name: string
  tensor: tf.Tensor
}

/** Slot names as TensorFlow's checkpoints have them. */
const SUFFIX = { meanSquare: 'rms', meanGradient: 'mg', momentum: 'momentum' } as const
type SlotName = keyof typeof SUFFIX
type VariableSlots = Omit<State<tf.Variable>, 'variable'>

/** What the optimizer remembers: the step counter, and each variable's slots by the variable's name. */
export class Slots {
  readonly step: tf.Variable<tf.Rank.R0>
  private readonly byVariable = new Map<string, VariableSlots>()

  constructor(private readonly options: Pick<Hyperparameters, 'centered' | 'initialMeanSquare'>) {
    this.step = tf.tidy(() => tf.variable(tf.scalar(0, 'int32'), false))
  }

  /** A registered variable with its slots, which begin at their initial values. */
  of(name: string): State<tf.Variable> {
    const variable = tf.engine().registeredVariables[name]
    if (!variable)
      throw new Error(`got a gradient for ${name}, expected the name of a tf.Variable that is not disposed`)
    let slots = this.byVariable.get(name)
    if (!slots) {
      slots = this.create(variable.shape)
      this.byVariable.set(name, slots)
    }
    checkShape(`${name}/${SUFFIX.meanSquare}`, slots.meanSquare.shape, variable.shape)
    return { variable, ...slots }
  }

  private create(shape: number[]): VariableSlots {
    const filled = (value: number) => tf.tidy(() => tf.variable(tf.fill(shape, value), false))
    return {
      meanSquare: filled(this.options.initialMeanSquare),
      meanGradient: this.options.centered ? filled(0) : null,
      momentum: filled(0),
    }
  }

  assign(state: State<tf.Variable>, next: State): void {
    state.variable.assign(next.variable)
    state.meanSquare.assign(next.meanSquare)
    state.meanGradient?.assign(next.meanGradient!)
    state.momentum.assign(next.momentum)
  }

  /** Counts a step; where `condition` is given and false, not. */
  advance(condition?: tf.Scalar): void {
    const one = condition ? tf.cast(condition, 'int32') : tf.scalar(1, 'int32')
    this.step.assign(tf.add(this.step, one))
  }

  weights(): NamedTensor[] {
    const slots = [...this.byVariable].flatMap(([variable, slots]) =>
      this.names.map((slot) => ({ name: `${variable}/${SUFFIX[slot]}`, tensor: slots[slot] as tf.Tensor })),
    )
    return [{ name: 'step', tensor: this.step as tf.Tensor }, ...slots]
  }

  private get names(): SlotName[] {
    return this.options.centered ? ['meanSquare', 'meanGradient', 'momentum'] : ['meanSquare', 'momentum']
  }

  /** All is checked before anything changes. */
  setWeights(weights: NamedTensor[]): void {
    const given = new Map(weights.map(({ name, tensor }) => [name, tensor]))
    if (given.size < weights.length)
      throw new Error(`got ${weights.length} weights of ${given.size} names, expected each name once`)
    const take = (name: string): tf.Tensor => {
      const tensor = given.get(name)
      if (!tensor)
        throw new Error(
          `got no weight ${name}, expected step and ${this.names.map((slot) => `<variable>/${SUFFIX[slot]}`).join(', ')}`,
        )
      given.delete(name)
      return tensor
    }
    const step = take('step')
    checkShape('step', step.shape, [])
    const suffix = `/${SUFFIX.meanSquare}`
    const variables = [...given.keys()]
      .filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
    const states = variables.map((variable) => {
      const slots = this.names.map((slot) => [slot, take(`${variable}/${SUFFIX[slot]}`)] as const)
      for (const [slot, tensor] of slots) checkShape(`${variable}/${SUFFIX[slot]}`, tensor.shape, slots[0]![1].shape)
      return [variable, slots] as const
    })
    const [unknown] = given.keys()
    if (unknown)
      throw new Error(
        `got weight ${unknown}, expected no more than step and the slots of an optimizer with centered: ${this.options.centered}`,
      )

    tf.tidy(() => {
      this.step.assign(tf.cast(step as tf.Scalar, 'int32'))
      this.disposeSlots()
      for (const [variable, slots] of states) {
        const made = Object.fromEntries(slots.map(([slot, tensor]) => [slot, tf.variable(tensor, false)]))
        this.byVariable.set(variable, { meanGradient: null, ...made } as VariableSlots)
      }
    })
  }

  dispose(): void {
    this.disposeSlots()
    this.step.dispose()
  }

  private disposeSlots(): void {
    for (const slots of this.byVariable.values()) for (const variable of Object.values(slots)) variable?.dispose()
    this.byVariable.clear()
  }
}

function checkShape(name: string, got: number[], expected: number[]): void {
  if (!tf.util.arraysEqual(got, expected))
    throw new Error(`weight ${name}: got shape [${got}], expected [${expected}]: the state belongs to another model`)
}
