import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'

export interface Host {
  name: string
  /** Processes that it takes. */
  slots: number
}

/** Where a rank runs. */
export interface Place {
  host: string
  rank: number
  size: number
  localRank: number
  localSize: number
  crossRank: number
  crossSize: number
}

/** A name, `user@name`, or an address; not one that ssh would take for an option. */
const NAME = /(?!-)[^\s,:=#[\]]+|\[[\da-f:]+\]/i.source
const LISTED = new RegExp(`^(${NAME})(?::(\\d+))?$`, 'i')
const LINE = new RegExp(`^(${NAME})(?::(\\d+))?((?:\\s+[\\w-]+\\s*=\\s*\\S+)*)$`, 'i')

/** `host:slots`, or `host`. @returns undefined where it is something else */
export function parseHost(entry: string): { name: string; slots?: number } | undefined {
  const [, name, slots] = LISTED.exec(entry) ?? []
  return name ? { name, slots: slots === undefined ? undefined : Number(slots) } : undefined
}

/** `host1:2,host2:4`; a host without a number takes one process. @throws what is wrong with the list */
export function parseHosts(list: string): Host[] {
  const hosts = list.split(',').map((entry) => {
    const { name, slots = 1 } = parseHost(entry.trim()) ?? {}
    if (!name || slots < 1)
      throw new Error(`hosts: got "${entry}", expected host or host:slots, as in -H host1:2,host2:2`)
    return { name, slots }
  })
  return distinct(hosts, 'hosts')
}

/**
 * One host a line: `host slots=2` as Open MPI and horovodrun write it, `host:2`, or `host`; `#` begins a comment.
 * @throws where it cannot be read, or a line is wrong, with its number
 */
export function readHostfile(path: string): Host[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(
      `hostfile: cannot read ${path} (${(error as NodeJS.ErrnoException).code}); expected a file of lines "host slots=2"`,
    )
  }
  const hosts = text.split('\n').flatMap((line, i): Host[] => {
    const entry = line.replace(/#.*/, '').trim()
    if (!entry) return []
    const [, name, number = '1', attributes = ''] = LINE.exec(entry) ?? []
    const [, slots = number] = /\sslots\s*=\s*(\S+)/.exec(attributes) ?? []
    if (!name || !/^[1-9]\d*$/.test(slots))
      throw new Error(`hostfile: got "${entry}" in line ${i + 1} of ${path}, expected "host slots=2" or "host:2"`)
    return [{ name, slots: Number(slots) }]
  })
  if (hosts.length === 0) throw new Error(`hostfile: got no host in ${path}, expected lines "host slots=2"`)
  return distinct(hosts, 'hostfile')
}

/** @throws where a host is there twice @param where the list comes from */
export function distinct(hosts: Host[], where: string): Host[] {
  const seen = new Set<string>()
  for (const { name } of hosts) {
    if (seen.has(name)) throw new Error(`${where}: got ${name} twice, expected each host once, with all its slots`)
    seen.add(name)
  }
  return hosts
}

/** Fills the hosts in turn. @throws where there are fewer slots than processes */
export function placesOn(hosts: readonly Host[], size: number): Place[] {
  const slots = hosts.reduce((sum, host) => sum + host.slots, 0)
  if (slots < size)
    throw new Error(
      `got ${size} processes for ${slots} slots on ${hosts.map(({ name, slots }) => `${name}:${slots}`).join(',')}, expected at least as many slots; add hosts or slots`,
    )
  const used: Host[] = []
  for (let left = size, i = 0; left > 0; i++) {
    const slots = Math.min(left, hosts[i]!.slots)
    used.push({ name: hosts[i]!.name, slots })
    left -= slots
  }
  let rank = 0
  return used.flatMap(({ name, slots: localSize }, i) =>
    Array.from({ length: localSize }, (_, localRank) => ({
      host: name,
      rank: rank++,
      size,
      localRank,
      localSize,
      crossRank: used.slice(0, i).filter(({ slots }) => slots > localRank).length,
      crossSize: used.filter(({ slots }) => slots > localRank).length,
    })),
  )
}

/** Whether a host's name or address is this host's own: nothing is to be reached by ssh. */
export function isLocal(host: string): boolean {
  const short = (name: string) => name.split('.')[0]
  if (host === 'localhost' || host === hostname()) return true
  if (isIP(host)) return isLoopback(host) || ownAddresses().includes(host)
  return short(host) === short(hostname()) && host.includes('.') !== hostname().includes('.')
}

const isLoopback = (address: string) => address.startsWith('127.') || address === '::1'
const ownAddresses = () =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
