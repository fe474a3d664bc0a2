import { basename } from 'node:path'
import { isLocal } from './hosts'

export interface SshOptions {
  /** Default `ssh`. It is called with its own options, the host, and one shell command. */
  sshCommand: string
  sshPort?: number
  sshIdentityFile?: string
  /** Seconds until a host must have answered. */
  startTimeoutSeconds: number
}

/** The words that run a shell command on a host; on this one without ssh. @throws where the host looks like an option */
export async function onHost(host: string, options: SshOptions, command: string): Promise<[string, ...string[]]> {
  if (await isLocal(host)) return ['/bin/sh', '-c', command]
  if (host.startsWith('-')) throw new Error(`got the host ${host}, expected a name: ssh would take it for an option`)
  const [program, ...args] = options.sshCommand.split(' ').filter(Boolean) as [string]
  return [program, ...args, ...settings(program, options), host, command]
}

function settings(program: string, { sshPort, sshIdentityFile, startTimeoutSeconds }: SshOptions): string[] {
  const words: string[] = []
  if (basename(program) === 'ssh') {
    const seconds = Math.ceil(startTimeoutSeconds)
    // It cannot ask: nobody would see it. A host that loses its power says nothing: ssh asks every 5 s, 3 times.
    const values = ['BatchMode=yes', 'StrictHostKeyChecking=accept-new', `ConnectTimeout=${seconds}`]
    for (const value of [...values, 'ServerAliveInterval=5']) words.push('-o', value)
  }
  if (sshPort) words.push('-p', String(sshPort))
  if (sshIdentityFile) words.push('-i', sshIdentityFile)
  return words
}

/** A word for a shell. */
export const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/** The line of a program's complaints that says most. */
export function gist(complaints: string): string {
  const lines = complaints
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const telling = /error|denied|refused|not found|no such|cannot|could not|no route|timed out|unreachable|closed|fail/i
  return lines.findLast((line) => telling.test(line)) ?? lines.at(-1) ?? ''
}
