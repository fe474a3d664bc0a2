import type { Settings } from '../settings'

export async function runElastic(_settings: Settings): Promise<number> {
  throw new Error('elastic: not there yet')
}
