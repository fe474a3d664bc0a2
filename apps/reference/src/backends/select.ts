import { type EngineName, engines } from './engines'

export type Purpose = 'training' | 'inference'

/** The backend that was taken, and what it is in a few words. */
export interface SelectedBackend {
  name: EngineName
  description: string
  threads: number
}

/** What `auto` tries, the first that works being taken. */
export const automatic = ['node-gpu', 'native', 'wasm', 'cpu'] as const

/**
 * Starts a backend and makes it tfjs's current one.
 *
 * `auto` takes the first that works of node-gpu (only where it finds a GPU), native, wasm (inference only) and cpu.
 *
 * @param threads of the native backend; all that this process may use by default
 * @throws where the named one does not work here or cannot do what it is wanted for
 */
export async function selectBackend(
  name: 'auto' | EngineName,
  purpose: Purpose,
  threads?: number,
): Promise<SelectedBackend> {
  if (name === 'auto') return await selectAutomatically(purpose, threads)
  const engine = engines[name]
  if (purpose === 'training' && !engine.trains)
    throw new Error(`backend ${name} cannot train (tfjs has no gradient of convolutions there); use native or cpu`)
  try {
    const { passedOver, ...started } = await engine.start(threads)
    return { name, ...started }
  } catch (error) {
    throw new Error(`backend ${name} does not work here: ${reasonOf(error)}; ${engine.remedy}`, { cause: error })
  }
}

async function selectAutomatically(purpose: Purpose, threads?: number): Promise<SelectedBackend> {
  const failures: string[] = []
  for (const name of automatic) {
    if (purpose === 'training' && !engines[name].trains) continue
    try {
      const { passedOver, ...started } = await engines[name].start(threads)
      if (!passedOver) return { name, ...started }
      failures.push(`${name}: ${passedOver}`)
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`)
    }
  }
  throw new Error(`no backend works here (${failures.join('; ')}); see unet-industrial doctor`)
}

/** The first line of an error, shortened. */
export function reasonOf(error: unknown): string {
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0]!.trim()
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}
