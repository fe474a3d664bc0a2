import * as tf from '@tensorflow/tfjs-core'
import { afterEach, expect, test, vi } from 'vitest'
import { selectBackend } from '../src/backends'

afterEach(() => vi.restoreAllMocks())

test('cpu starts by name, without the greeting of tfjs', async () => {
  const warn = vi.spyOn(console, 'warn')
  const { name, description } = await selectBackend('cpu', 'training')
  expect(name).toBe('cpu')
  expect(description).toMatch(/JavaScript/)
  expect(tf.getBackend()).toBe('cpu')
  tf.tidy(() => tf.tensor1d([1, 2]).dataSync())
  expect(warn).not.toHaveBeenCalled()
})

test('wasm predicts', async () => {
  expect((await selectBackend('wasm', 'inference')).name).toBe('wasm')
  expect(tf.getBackend()).toBe('wasm')
  const sum = tf.tidy(
    () =>
      tf.sum(tf.conv2d(tf.ones<tf.Rank.R4>([1, 4, 4, 1]), tf.ones<tf.Rank.R4>([3, 3, 1, 1]), 1, 'valid')).dataSync()[0],
  )
  expect(sum).toBe(36)
})

test('wasm does not train, and the error says what does', async () => {
  await expect(selectBackend('wasm', 'training')).rejects.toThrow(/wasm cannot train.*use native or cpu/)
})

test('a backend whose package is missing names the package and how to install it', async () => {
  await expect(selectBackend('node-gpu', 'training')).rejects.toThrow(
    /^backend node-gpu does not work here: @tensorflow\/tfjs-node-gpu is not installed; npm install [^\n]*$/,
  )
})

test('auto takes one that trains where training is wanted', async () => {
  const { name } = await selectBackend('auto', 'training')
  expect(['native', 'cpu']).toContain(name)
  expect(tf.getBackend()).toBe(name)
})
