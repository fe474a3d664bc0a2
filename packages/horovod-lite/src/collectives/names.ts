const counts = new Map<string, number>()

/** `given`, or the next of this kind, as in Horovod: `allreduce.noname.1`. Equal on all ranks where they make the same calls. */
export function nameOf(kind: string, given?: string): string {
  if (given !== undefined) return given
  const next = (counts.get(kind) ?? 0) + 1
  counts.set(kind, next)
  return `${kind}.noname.${next}`
}

/** A new world counts anew: ranks that join have counted nothing. */
export const forgetNames = (): void => counts.clear()
