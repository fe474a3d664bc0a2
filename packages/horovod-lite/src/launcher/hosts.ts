import { lookup } from 'node:dns/promises'
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

/** Variables of each host's own: never those of hvdrun's. */
export const HOST_VARIABLES: readonly string[] = ['HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'XDG_RUNTIME_DIR']

/** A name, `user@name`, or an address, of IPv6 in brackets; not one that ssh would take for an option. */
const NAME = /(?!-)(?:[^\s,:=#[\]]+@)?\[[\da-f:.]+(?:%\w+)?\]|(?!-)[^\s,:=#[\]]+/i.source
const LISTED = new RegExp(`^(${NAME})(?::(\\d+))?$`, 'i')
const LINE = new RegExp(`^(${NAME})(?::(\\d+))?((?:\\s+[\\w-]+\\s*=\\s*\\S+)*)$`, 'i')

/** `host:slots`, or `host`. @returns undefined where it is something else */
export function parseHost(entry: string): { name: string; slots?: number } | undefined {
  const [, name, slots] = LISTED.exec(entry) ?? []
  return name ? { name: withoutBrackets(name), slots: slots === undefined ? undefined : Number(slots) } : undefined
}

/** As ssh and others take an address. */
const withoutBrackets = (name: string) => name.replace(/[[\]]/g, '')

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
    return [{ name: withoutBrackets(name), slots: Number(slots) }]
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
      `got ${size} processes for ${slots} slots on ${listed(hosts)}, expected at least as many slots; add hosts or slots`,
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

/** As parseHosts reads it. */
export const listed = (hosts: readonly Host[], between = ','): string =>
  hosts.map(({ name, slots }) => `${name.includes(':') ? `[${name}]` : name}:${slots}`).join(between)

/**
 * Whether a host's name or address is this host's own: nothing is to be reached by ssh.
 * @param look gives a name's addresses; asked where it is this host's name with or without a domain
 */
export async function isLocal(host: string, look: (name: string) => Promise<string[]> = addressesOf): Promise<boolean> {
  const own = hostname()
  if (host === 'localhost' || host === own) return true
  if (isIP(host)) return isOwnAddress(host)
  const short = (name: string) => name.split('.')[0]
  if (short(host) !== short(own) || host.includes('.') === own.includes('.')) return false
  return (await look(host)).some(isOwnAddress)
}

function isOwnAddress(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  return address.startsWith('127.') || address === '::1' || own.some((each) => each.address === address)
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch {
    return [] // ssh may know it
  }
}
