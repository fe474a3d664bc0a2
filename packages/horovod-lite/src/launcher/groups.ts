// Process groups: of a rank, and of ssh.
import { readdirSync, readFileSync } from 'node:fs'

/** To all in the group; 0 only asks. @returns whether anybody, also a zombie, is in it */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

/** Whether anybody in it lives. Zombies do not, which stay for good where nobody reaps them. */
export function groupLives(group: number): boolean {
  if (!signalGroup(group, 0)) return false
  try {
    return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isLivingMember(name, group))
  } catch {
    return true // there is no /proc
  }
}

function isLivingMember(pid: string, group: number): boolean {
  try {
    const [, state, member] = /.*\) (\S) \d+ (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return Number(member) === group && state !== 'Z' && state !== 'X'
  } catch {
    return false // it has ended
  }
}
