import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'

/**
 * The address of a network interface, IPv4 where it has one.
 * @throws where there is no such interface, naming those there are
 */
export function addressOfInterface(name: string): string {
  const all = networkInterfaces()
  const addresses = all[name]
  if (!addresses?.length)
    throw new Error(
      `network interface: got ${name}, expected one of this host's: ${Object.keys(all).sort().join(', ') || 'none is up'}`,
    )
  return (addresses.find(({ family }) => family === 'IPv4') ?? addresses[0]!).address
}

/** All addresses at which other hosts might reach this one, IPv4 first; the loopback's where there is no other. */
export function reachableAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outside = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
  const sorted = outside.sort((a, b) => a.family.localeCompare(b.family))
  return sorted.length > 0 ? sorted.map(({ address }) => address) : ['127.0.0.1']
}

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
