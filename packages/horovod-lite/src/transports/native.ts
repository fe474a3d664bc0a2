import { createRequire } from 'node:module'

/** The addon's exports. */
export interface Native {
  /** Where an array's memory is in this process. */
  addressOf(array: ArrayBufferView): number
}

let loaded: Native | { reason: string } | undefined

/** The addon of this platform, or why there is none. */
export function loadNative(): Native | { reason: string } {
  loaded ??= load()
  return loaded
}

function load(): Native | { reason: string } {
  const platform = `${process.platform}-${process.arch}`
  try {
    return createRequire(import.meta.url)(`../prebuilds/${platform}.node`) as Native
  } catch (error) {
    return { reason: `no addon for ${platform} (${(error as Error).message.split('\n')[0]})` }
  }
}
