import * as tf from '@tensorflow/tfjs-core'
import { type TinyUNet, tinyUNet } from '@unet-industrial/tinyunet-model'
import { useBackend } from '@unet-internal/testing'
import { beforeAll, expect, test } from 'vitest'
import { forward } from '../src/structure'

beforeAll(() => useBackend('native'))

/** Counts the bytes of the backend's tensors, each piece of memory once; tf.memory().numBytes counts clones as well. */
function countBytes() {
  const { data } = tf.backend() as unknown as {
    data: Record<'set' | 'delete', (id: object, entry?: unknown) => unknown>
  }
  const { set, delete: remove } = data
  const sizes = new Map<object, number>()
  const count = { live: 0, peak: 0, stop: () => Object.assign(data, { set, delete: remove }) }
  data.set = (id, entry) => {
    const { byteLength = 0 } = (entry as { values?: Partial<ArrayBufferView> }).values ?? {}
    sizes.set(id, byteLength)
    count.live += byteLength
    count.peak = Math.max(count.peak, count.live)
    return set.call(data, id, entry)
  }
  data.delete = (id) => {
    count.live -= sizes.get(id) ?? 0
    sizes.delete(id)
    return remove.call(data, id)
  }
  return count
}

/** Bytes that the forward pass leaves behind for the backward pass, and the most that there are at once. */
function measureStep(apply: () => tf.Tensor) {
  const count = countBytes()
  try {
    let kept = 0
    const { value, grads } = tf.variableGrads(() => {
      const logits = apply()
      kept = count.live
      return tf.mean(logits)
    })
    tf.dispose([value, grads])
    return { kept, peak: count.peak }
  } finally {
    count.stop()
  }
}

/** The net in tfjs's own operations. */
const composed = (net: TinyUNet, image: tf.Tensor4D) => {
  const variable = (name: string) => net.variables[net.names.indexOf(name)] as tf.Tensor
  return tf.tidy(() =>
    forward<tf.Tensor4D>(
      'tiny',
      {
        convolution(x, { name, activated }) {
          const z = tf.add<tf.Tensor4D>(
            tf.conv2d(x, variable(`${name}/kernel`) as tf.Tensor4D, 1, 'same'),
            variable(`${name}/bias`),
          )
          return activated ? tf.relu(z) : z
        },
        maxPool: (x) => tf.maxPool(x, 2, 2, 'valid'),
        upsample: (x) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]),
        concatenate: (a, b) => tf.concat([a, b], 3),
      },
      image,
    ),
  )
}

// MEMORY_TEST_SIDE=512 measures the recipe's size.
const side = Number(process.env.MEMORY_TEST_SIDE ?? 128)

test(`a training step at ${side}x${side} keeps the activations once and peaks at a third of composed operations`, () => {
  const net = tinyUNet()
  const image = tf.zeros<tf.Rank.R4>([1, side, side, 1])
  const { activationBytes } = net.summary([side, side])
  const ours = measureStep(() => net.apply(image))
  const theirs = measureStep(() => composed(net, image))
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
  console.log(
    `${side}x${side}: kept ${mib(ours.kept)} and ${mib(theirs.kept)} MiB, peak ${mib(ours.peak)} and ${mib(theirs.peak)} MiB`,
  )
  expect(ours.kept).toBe(activationBytes)
  const gradients = 4 * net.summary().parameters // of the variables, which both need
  expect(ours.peak - gradients).toBeLessThan((theirs.peak - gradients) / 3)
  net.dispose()
  image.dispose()
})
