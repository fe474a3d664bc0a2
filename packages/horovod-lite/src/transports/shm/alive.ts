import { readFileSync } from 'node:fs'

/**
 * When a process began, by the kernel's clock; undefined where it has ended (also where its parent has not waited for it
 * yet), '' where only its being there can be told.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
  }
  if (process.platform !== 'linux') return ''
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // proc(5): the third field is the state
    return state === 'Z' || state === 'X' ? undefined : fields[18]! // the 22nd, starttime
  } catch {
    return undefined
  }
}

/** Watches a process on this host. Its number may become another's; its start does not. */
export function watch(pid: number): { gone(): boolean } {
  const start = startOf(pid)
  return { gone: () => start === undefined || startOf(pid) !== start }
}
