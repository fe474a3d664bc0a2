import { readdirSync, readFileSync } from 'node:fs'

const read = (path: string) => {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return '' // it has ended, or this is not Linux
  }
}

/** What a process and those that it started are doing: command lines, seconds of CPU, where each thread waits. */
export function stateOf(pid: number): string {
  const threads = (() => {
    try {
      return readdirSync(`/proc/${pid}/task`)
    } catch {
      return []
    }
  })()
  const lines = threads.map((thread) => {
    const path = `/proc/${pid}/task/${thread}`
    const [state, ...fields] = read(`${path}/stat`)
      .replace(/^.*\) /, '')
      .split(' ')
    const seconds = (Number(fields[10]) + Number(fields[11])) / 100
    return `  ${thread} ${read(`${path}/comm`)} ${state} ${seconds} s ${read(`${path}/wchan`)}`
  })
  const children = threads.flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean))
  return [`${pid} ${read(`/proc/${pid}/cmdline`)}`, ...lines, ...children.map((child) => stateOf(Number(child)))].join(
    '\n',
  )
}
