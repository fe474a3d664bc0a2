import { join } from 'node:path'
import { addressOfInterface, reachableAddresses } from '../wire/interfaces'
import type { RendezvousServer } from '../wire/rendezvous'
import { isLocal, type Place } from './hosts'
import { columnsFor } from './prefix'
import { STREAMS } from './protocol'
import type { Settings } from './settings'

/** Variables of hvdrun's own shell, or of a job that it is part of itself. */
const OWN =
  /^(PWD|OLDPWD|SHLVL|_|BASH_FUNC_.*|HOSTNAME|DISPLAY|SSH_.*|XDG_.*|TERM_.*|HOROVOD_(RANK|SIZE|LOCAL_.*|CROSS_.*|HOSTNAME|ELASTIC.*|GLOO_RENDEZVOUS_.*|STD(OUT|ERR)_COLUMNS)|MASTER_(ADDR|PORT))$/

/** What every rank of a job is given: hvdrun's own environment, and its options. */
export function jobVariables(settings: Settings): Record<string, string> {
  const inherited: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !OWN.test(name)) inherited[name] = value
  // Commands of the packages that are installed here are found as `npx` finds them.
  const path = [process.env.PATH, join(process.cwd(), 'node_modules', '.bin')].filter(Boolean).join(':')
  return { ...inherited, PATH: path, ...terminalVariables(settings), ...settings.variables }
}

/** Tells ranks, whose own output is a pipe, that a line which they write over with carriage returns is seen live. */
function terminalVariables({ size, outputFilename: folder, timestamps }: Settings): Record<string, string> {
  const columns = STREAMS.map((stream) => [stream, columnsFor(stream, size, { folder, timestamps })] as const)
  return Object.fromEntries(
    columns.flatMap(([stream, count]) => (count ? [[`HOROVOD_${stream.toUpperCase()}_COLUMNS`, `${count}`]] : [])),
  )
}

/** The variables that tell a process its place (world.ts reads them). */
export const placeVariables = (place: Place): Record<string, string> => ({
  HOROVOD_RANK: String(place.rank),
  HOROVOD_SIZE: String(place.size),
  HOROVOD_LOCAL_RANK: String(place.localRank),
  HOROVOD_LOCAL_SIZE: String(place.localSize),
  HOROVOD_CROSS_RANK: String(place.crossRank),
  HOROVOD_CROSS_SIZE: String(place.crossSize),
  HOROVOD_HOSTNAME: place.host,
})

/**
 * Where all ranks can reach hvdrun: the chosen interface, this host alone, or the address from which its ssh has come.
 * @param seen this host's address as other hosts see it
 */
export async function rendezvousHost(
  { networkInterface }: Settings,
  hosts: readonly string[],
  seen: readonly string[] = [],
): Promise<string> {
  if (networkInterface) return addressOfInterface(networkInterface)
  if ((await Promise.all(hosts.map((host) => isLocal(host)))).every(Boolean)) return '127.0.0.1'
  const own = reachableAddresses()
  return seen.find((address) => own.includes(address)) ?? own[0]!
}

export const rendezvousVariables = ({ address }: RendezvousServer, secret: string): Record<string, string> => ({
  HOROVOD_GLOO_RENDEZVOUS_ADDR: address.host,
  HOROVOD_GLOO_RENDEZVOUS_PORT: String(address.port),
  HOROVOD_SECRET_KEY: secret,
})
