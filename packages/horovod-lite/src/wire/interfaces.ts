import { lookup } from 'node:dns/promises'
import { readFileSync, readlinkSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/**
 * The address of a network interface, IPv4 where it has one.
 * @param name one, or several with commas between them: the first that this host has
 * @throws where there is no such interface, naming those there are
 */
export function addressOfInterface(name: string, all: Interfaces = networkInterfaces()): string {
  const found = name.split(',').find((each) => all[each]?.length)
  if (found === undefined)
    throw new Error(
      `network interface: got ${name}, expected one of this host's: ${Object.keys(all).sort().join(', ') || 'none is up'}`,
    )
  const [best] = [...all[found]!].sort((a, b) => rankOf(a) - rankOf(b))
  return isLinkLocal(best!) ? `${best!.address}%${found}` : best!.address
}

const isLinkLocal = ({ address }: NetworkInterfaceInfo) => address.startsWith('fe80:')
const rankOf = (info: NetworkInterfaceInfo) => (info.family === 'IPv4' ? 0 : isLinkLocal(info) ? 2 : 1)

/** All addresses at which other hosts might reach this one, IPv4 first; the loopback's where there is no other. */
export function reachableAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outside = all.filter((info) => !info.internal && !isLinkLocal(info))
  const sorted = outside.sort((a, b) => rankOf(a) - rankOf(b))
  return sorted.length > 0 ? sorted.map(({ address }) => address) : ['127.0.0.1']
}

/**
 * Where to listen so that all who know this host by a name find it. Debian's /etc/hosts leads a host's own name to
 * 127.0.1.1, where only this host gets to: other hosts are led to an address of the network.
 * @returns the one that other hosts reach is the last
 */
export async function listeningAddresses(host: string, resolve = addressOfName): Promise<string[]> {
  if (isIP(host) || host === 'localhost') return [host]
  const address = await resolve(host)
  return /^127\.|^::1$/.test(address) ? [...new Set([address, reachableAddresses()[0]!])] : [address]
}

async function addressOfName(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`got the host ${host}, expected a name that leads to this host: ${code}; use its address`)
  }
}

/** An address as it is written. */
export const written = ({ host, port }: { host: string; port: number }): string =>
  isIP(host.replace(/%.*/, '')) === 6 ? `[${host}]:${port}` : `${host}:${port}`

/** Equal for two processes where they can share memory: one running kernel, one name, the same namespaces. */
export function hostId(): string {
  const parts = [hostname()]
  const add = (read: () => string) => {
    try {
      parts.push(read().trim())
    } catch {
      // not Linux: the name alone
    }
  }
  add(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
  for (const namespace of ['pid', 'net', 'user']) add(() => readlinkSync(`/proc/self/ns/${namespace}`))
  return parts.join(' ')
}
