import { describe } from 'vitest'
import { loadNative } from '../../src/transports/native'

const addon = loadNative()

/** Runs tests over each transport that works on one host; one that cannot is skipped, and says why. */
export function describeOnTransports(what: string, tests: (transport: 'tcp' | 'shm') => void): void {
  describe(`${what}: tcp`, () => tests('tcp'))
  if ('reason' in addon) describe.skip(`${what}: shm (${addon.reason})`, () => tests('shm'))
  else describe(`${what}: shm`, () => tests('shm'))
}
