import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { afterAll, beforeAll, describe } from 'vitest'

/** The backends that every numeric test runs on. */
export const backends = ['cpu', 'native'] as const
export type BackendName = (typeof backends)[number]

/** Makes a backend the current one, loading it first where it is ours. */
export async function useBackend(name: BackendName): Promise<void> {
  if (name === 'native') await import('@unet-industrial/backend-native')
  if (!(await tf.setBackend(name))) throw new Error(`backend ${name} does not start`)
}

/** One `describe` a backend, with that backend current while its tests run. */
export function describeOnBackends(
  title: string,
  body: (backend: BackendName) => void,
  on: readonly BackendName[] = backends,
) {
  for (const backend of on)
    describe(`${title} [${backend}]`, () => {
      let previous: string
      beforeAll(async () => {
        previous = tf.getBackend()
        await useBackend(backend)
      })
      afterAll(async () => {
        if (previous) await tf.setBackend(previous)
      })
      body(backend)
    })
}
