import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Raster, Sample } from '../src/index'
import { stream } from '../src/random'

/** A function that makes empty folders, which are removed after the file's tests. */
export function temporaryFolders(): () => Promise<string> {
  const made: string[] = []
  afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))))
  return async () => {
    const path = await mkdtemp(join(tmpdir(), 'dagm-'))
    made.push(path)
    return path
  }
}

/** A picture of random pixels. */
export function randomRaster(width: number, height: number, seed: number): Raster {
  const next = stream(seed)
  return { width, height, data: Uint8Array.from({ length: width * height }, () => Math.floor(256 * next())) }
}

/** Samples of random pixels whose mask is 255 exactly where the image is above 127; every third one is clean. */
export const randomSamples = (count: number, width = 4, height = width): Sample[] =>
  Array.from({ length: count }, (_, i) => {
    const defective = i % 3 !== 2
    const noise = randomRaster(width, height, i)
    const image = defective ? noise : { ...noise, data: noise.data.map((value) => value >> 1) }
    const mask = defective ? { ...image, data: image.data.map((value) => (value > 127 ? 255 : 0)) } : null
    return { name: `sample_${i}`, image, mask, defective }
  })

/** A promise's error message; fails where there is none. */
export const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => {
      throw new Error('got no error, expected one')
    },
    (error: Error) => {
      if (error.message.includes('\n')) throw new Error(`the message has more than one line: ${error.message}`)
      return error.message
    },
  )
