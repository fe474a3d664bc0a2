import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expectNoLeak } from '@unet-internal/testing'
import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NativeBackend } from '../src/index'
import { type Block, Pool } from '../src/pool'
import { loadNative } from './support/native'

const LARGE = [512, 256] // half a mebibyte: big enough for the pool
const BYTES = 512 * 256 * 4

beforeAll(loadNative)
beforeEach(async () => {
  await tf.setBackend('native')
})

const pool = () => (tf.backend() as NativeBackend).pool.bytes

/** Overwrites whatever memory waits to be used again. */
const scribble = () =>
  tf.tidy(() => {
    for (const shape of [LARGE, [2, ...LARGE]]) for (const value of [5, 6, 7, 8]) tf.fill(shape, value)
  })

describe('memory of the backend', () => {
  it('comes back when a tensor is disposed of, and is used again', () => {
    const start = pool()
    const x = tf.fill(LARGE, 1)
    expect(pool().lent).toBe(start.lent + BYTES)
    const clone = x.clone()
    x.dispose()
    expect(pool().lent).toBe(start.lent + BYTES) // the clone shares it
    clone.dispose()
    const waiting = pool().waiting
    expect(pool().lent).toBe(start.lent)
    tf.fill(LARGE, 2).dispose()
    expect(pool()).toEqual({ lent: start.lent, waiting })
  })

  it('never shows in values that were read', async () => {
    const x = tf.fill(LARGE, 1)
    const [sync, later] = [x.dataSync(), await x.data()]
    x.dispose()
    scribble()
    expect(sync.every((value) => value === 1)).toBe(true)
    expect(later.every((value) => value === 1)).toBe(true)
    expect(sync.byteLength).toBe(sync.buffer.byteLength) // nothing of the pool hangs on it
  })

  it('never takes the arrays of the user', () => {
    const mine = new Float32Array(512 * 256).fill(7)
    tf.tidy(() => void tf.relu(tf.tensor(mine, LARGE)))
    scribble()
    expect(mine.every((value) => value === 7)).toBe(true)
  })

  it('stays with a tensor that a kernel of the CPU backend made of a view', () => {
    const x = tf.tidy(() => tf.reshape(tf.concat([tf.fill(LARGE, 1), tf.fill(LARGE, 2)]), [2, ...LARGE]))
    const parts = tf.unstack(x)
    x.dispose()
    scribble()
    expect(parts.map((part) => [tf.min(part).dataSync()[0], tf.max(part).dataSync()[0]])).toEqual([
      [1, 1],
      [2, 2],
    ])
    tf.dispose(parts)
  })

  it('stays with the parts of a complex tensor', () => {
    const z = tf.tidy(() => tf.complex(tf.fill(LARGE, 1), tf.fill(LARGE, 2)))
    scribble()
    expect([tf.max(tf.real(z)).dataSync()[0], tf.min(tf.imag(z)).dataSync()[0]]).toEqual([1, 2])
    z.dispose()
  })

  it('moves to and from other backends', async () => {
    const x = tf.fill(LARGE, 3)
    await tf.setBackend('cpu')
    const y = tf.add(x, 1)
    await tf.setBackend('native')
    scribble()
    expect(tf.max(tf.add(x, y)).dataSync()[0]).toBe(7)
    tf.dispose([x, y])
  })
})

describe('bookkeeping', () => {
  it('counts tensors, data and bytes exactly', () => {
    const before = tf.memory()
    const ids = tf.backend().numDataIds()
    const x = tf.fill([100], 1)
    const [same, y] = [tf.reshape(x, [10, 10]), tf.relu(x)]
    const during = tf.memory()
    expect(during.numTensors - before.numTensors).toBe(3)
    expect(during.numDataBuffers - before.numDataBuffers).toBe(2)
    expect(during.numBytes - before.numBytes).toBe(1200) // tfjs counts shared data for each tensor
    expect(tf.backend().numDataIds() - ids).toBe(2)
    tf.dispose([x, same, y])
    expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes, unreliable: false })
    expect(tf.backend().numDataIds()).toBe(ids)
  })

  it('times and profiles', async () => {
    const { kernelMs } = await tf.time(() => void tf.tidy(() => void tf.square(tf.fill(LARGE, 2))))
    expect(kernelMs).toBeGreaterThan(0)
    const { kernels, newTensors } = await tf.profile(() => tf.tidy(() => tf.sum(tf.square(tf.fill(LARGE, 2)))))
    expect(kernels.map(({ name }) => name)).toEqual(expect.arrayContaining(['Fill', 'Square', 'Sum']))
    expect(newTensors).toBe(1)
  })

  it('leaks nothing when a kernel throws', async () => {
    await expectNoLeak(() => {
      tf.tidy(() => {
        expect(() => tf.concat([tf.fill([2, 3], 0), tf.fill([2, 4], 0)], 0)).toThrow()
      })
    })
  })

  it('gives all memory back when the backend is removed', async () => {
    const { addon } = tf.backend() as NativeBackend
    const backend = new NativeBackend(addon)
    const { info } = backend.output(LARGE)
    backend.disposeData(info.dataId)
    expect(backend.pool.bytes.waiting).toBe(BYTES)
    backend.dispose()
    expect(backend.pool.bytes).toEqual({ lent: 0, waiting: 0 })
  })
})

describe('Pool', () => {
  const fake = () => {
    const released: ArrayBuffer[] = []
    return { released, memory: { padding: () => 0, release: (buffer: ArrayBuffer) => void released.push(buffer) } }
  }

  it('never holds more than a quarter above the most that was lent, nor lends a block twice', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 40 })), { maxLength: 200 })
    fc.assert(
      fc.property(steps, (choices) => {
        const { memory, released } = fake()
        const pool = new Pool(memory)
        const lent: Block[] = []
        let peak = 0
        for (const [take, number] of choices) {
          if (take) {
            const block = pool.take(number * 40_000)
            if (!block) continue
            expect(block.bytes).toBeGreaterThanOrEqual(number * 40_000)
            expect(lent).not.toContain(block)
            expect(released).not.toContain(block.buffer)
            lent.push(block)
          } else if (lent.length > 0) pool.give(lent.splice(number % lent.length, 1)[0]!)
          const bytes = lent.reduce((sum, block) => sum + block.bytes, 0)
          peak = Math.max(peak, bytes)
          expect(pool.bytes.lent).toBe(bytes)
          expect(pool.bytes.lent + pool.bytes.waiting).toBeLessThanOrEqual(1.25 * peak)
        }
      }),
    )
  })

  it('leaves small arrays to JavaScript and wastes at most an eighth', () => {
    const pool = new Pool(fake().memory)
    expect(pool.take(1000)).toBeUndefined()
    for (let bytes = 1 << 15; bytes < 1 << 24; bytes = Math.ceil(bytes * 1.01))
      expect(pool.take(bytes)!.bytes).toBeLessThanOrEqual(bytes * 1.125)
  })
})
