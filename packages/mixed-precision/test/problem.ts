import * as tf from '@tensorflow/tfjs-core'

/** Two variables and a loss whose gradients are given: Σ a·ga + Σ b·gb. */
export function linear(seed = 1) {
  const [a, b] = tf.tidy(() => [tf.variable(tf.tensor([0.25, -0.5, seed])), tf.variable(tf.scalar(0.125))]) as [
    tf.Variable,
    tf.Variable,
  ]
  const loss = (ga: number, gb: number) => () =>
    tf.add(tf.sum(tf.mul(a, [ga, -ga, ga / 4])), tf.mul(b, gb)) as tf.Scalar
  return { variables: [a, b], a, b, loss, dispose: () => tf.dispose([a, b]) }
}

/** A tensor's values as bits, so that NaN equals NaN and 0 differs from −0. */
export const bitsOf = async (tensors: Iterable<tf.Tensor>) =>
  Promise.all([...tensors].map(async (tensor) => [...new Uint32Array((await tensor.data()).slice().buffer)]))

/** Every tf.Variable that a built-in optimizer holds. */
export function slotsOf(optimizer: tf.Optimizer): tf.Variable[] {
  return Object.values(optimizer).flatMap((value: unknown) => {
    if (value instanceof tf.Variable) return [value]
    return Array.isArray(value) ? value.map(({ variable }: { variable: tf.Variable }) => variable) : []
  })
}

/** `dispose`, and the tensor that tfjs's momentum optimizer forgets. */
export function disposeAll(optimizer: tf.Optimizer): void {
  optimizer.dispose()
  const forgotten: unknown = Reflect.get(optimizer, 'c')
  if (forgotten instanceof tf.Tensor) forgotten.dispose()
}
