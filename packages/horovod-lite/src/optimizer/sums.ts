import * as tf from '@tensorflow/tfjs-core'

/** Gradients of several passes, added up by variable. One without gradient in a pass keeps its sum. */
export class GradientSums {
  private readonly sums = new Map<string, tf.Tensor>()

  add(gradients: tf.NamedTensorMap): void {
    for (const [name, gradient] of present(gradients)) {
      const sum = this.sums.get(name)
      this.sums.set(name, tf.keep(sum ? tf.add(sum, gradient) : tf.clone(gradient)))
      sum?.dispose()
    }
  }

  /** The sums divided by a number, as new tensors; they begin anew. */
  take(divisor: number): tf.NamedTensorMap {
    const taken = [...this.sums].map(([name, sum]) => [name, divisor === 1 ? tf.clone(sum) : tf.div(sum, divisor)])
    this.forget()
    return Object.fromEntries(taken)
  }

  forget(): void {
    tf.dispose([...this.sums.values()])
    this.sums.clear()
  }
}

/** Those that are there: tfjs gives null, or nothing, for a variable without gradient. */
export const present = (gradients: tf.NamedTensorMap): [name: string, gradient: tf.Tensor][] =>
  Object.entries(gradients).filter(([, gradient]) => gradient != null)
