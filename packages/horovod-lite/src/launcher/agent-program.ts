// What hvdrun runs on each host, and why that may not work there.
import { fileURLToPath } from 'node:url'
import { engines, version } from '../../package.json'
import { fileOf } from '../files'
import type { FromAgent } from './protocol'
import { quote } from './ssh'

/** With this host's paths: they must be the same on all. */
export const agentCommand = (): string => `exec ${quote(process.execPath)} ${quote(fileURLToPath(fileOf('agent')))}`

/** @returns what a host lacks that could not run it; undefined where it is something else */
export function lackedThere(code: number | null, complaints: string): string | undefined {
  if ((code === 126 || code === 127) && complaints.includes(process.execPath))
    return `cannot run ${process.execPath} there; install Node.js ${engines.node} at the same path as here`
  const [, file] = /Cannot find module '([^']+)'/.exec(complaints) ?? []
  if (file) return `there is no ${file} there; install horovod-lite ${version} at the same path as here`
  return undefined
}

/** @returns why a host's agent cannot be used; undefined where it can */
export function mismatchOf(hello: Extract<FromAgent, { say: 'hello' }>): string | undefined {
  if (hello.version !== version)
    return `horovod-lite there is ${hello.version}, expected ${version} as here: install it there`
  if (isOlder(hello.node, engines.node))
    return `Node.js there is ${hello.node}, expected ${engines.node}: install it there as ${process.execPath}`
  return undefined
}

/** @param least `>=20.19` */
function isOlder(version: string, least: string): boolean {
  const [major = 0, minor = 0] = numbersOf(version)
  const [leastMajor = 0, leastMinor = 0] = numbersOf(least)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}

const numbersOf = (version: string) => (version.match(/\d+/g) ?? []).map(Number)
