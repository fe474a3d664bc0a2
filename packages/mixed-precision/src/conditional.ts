import * as tf from '@tensorflow/tfjs-core'
import type { ConditionalOptimizer } from './types'

export const isConditional = (optimizer: tf.Optimizer): optimizer is ConditionalOptimizer =>
  typeof Reflect.get(optimizer, 'applyGradientsIf') === 'function'

/**
 * A conditional step for optimizers that have none, tfjs's own among them: it runs the step and then selects between the
 * old and the new value of each variable and slot that changed. Slots are the tf.Variables found on the optimizer.
 *
 * tfjs's optimizers create their slots in their first step, already changed by it. So before a name's first gradient one
 * step is made with null gradients, in which they create the slots and leave them at their initial values; what else
 * it changes (Adam's powers of beta, the count of iterations) is put back.
 */
export class SelectedUpdate {
  private readonly prepared = new Set<string>()

  constructor(private readonly optimizer: tf.Optimizer) {}

  apply(condition: tf.Scalar, gradients: tf.NamedTensorMap): void {
    tf.tidy(() => {
      const names = Object.keys(gradients)
      const isNew = names.some((name) => !this.prepared.has(name))
      if (isNew) this.createSlots(names)

      const slots = contents(this.optimizer).variables
      const variables = names
        .map((name) => tf.engine().registeredVariables[name])
        .filter((variable) => variable != null)
      const old = snapshot([...slots, ...variables])
      this.optimizer.applyGradients(gradients)
      if (isNew && contents(this.optimizer).variables.size > slots.size) throw this.cannot('its first gradients')
      for (const { variable, value } of old)
        if (variable.dataId !== value.dataId)
          variable.assign(tf.where(tf.broadcastTo(condition, variable.shape), variable, value))
    })
  }

  private createSlots(names: string[]): void {
    const { variables, optimizers } = contents(this.optimizer)
    const old = snapshot(variables)
    const iterations = [...optimizers].map((optimizer) => optimizer.iterations)
    const none = null as unknown as tf.Tensor // what tf.variableGrads itself gives for a variable without gradient
    try {
      this.optimizer.applyGradients(Object.fromEntries(names.map((name) => [name, none])))
    } catch (cause) {
      throw this.cannot('null gradients', cause)
    }
    for (const { variable, value } of old) variable.assign(value)
    for (const [i, optimizer] of [...optimizers].entries()) Reflect.set(optimizer, 'iterations_', iterations[i])
    for (const name of names) this.prepared.add(name)
  }

  private cannot(doing: string, cause?: unknown): Error {
    const message = `got ${this.optimizer.getClassName()}, expected an optimizer that creates its slots when given null gradients, not ${doing}: give it applyGradientsIf(condition, gradients)`
    return new Error(message, { cause })
  }
}

/** Clones share the variables' data; an assignment to a variable leaves them the old. */
const snapshot = (variables: Iterable<tf.Variable>) =>
  [...new Set(variables)].map((variable) => ({ variable, value: tf.clone(variable as tf.Tensor) }))

/** Every variable that an optimizer holds, in lists, maps, plain objects and optimizers that it wraps, and those optimizers. */
function contents(optimizer: tf.Optimizer) {
  const [variables, optimizers, seen] = [new Set<tf.Variable>(), new Set<tf.Optimizer>(), new Set<unknown>()]
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    if (value instanceof tf.Variable) variables.add(value)
    else if (value instanceof Map || value instanceof Set || Array.isArray(value))
      for (const item of value.values()) visit(item)
    else if (value instanceof tf.Optimizer || isPlain(value)) {
      if (value instanceof tf.Optimizer) optimizers.add(value)
      for (const item of Object.values(value)) visit(item)
    }
  }
  visit(optimizer)
  return { variables, optimizers }
}

const isPlain = (value: object) => [Object.prototype, null].includes(Object.getPrototypeOf(value))
