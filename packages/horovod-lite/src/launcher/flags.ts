import type { ElasticSettings } from './settings'

/** A command line that cannot be understood. */
export class UsageError extends Error {}

/** A command line as it was written. */
export interface Flags {
  numProc?: number
  hosts?: string
  hostfile?: string
  transport?: string
  networkInterface?: string
  startTimeout?: number
  outputFilename?: string
  prefixOutputWithTimestamp?: boolean
  verbose?: boolean
  sshCommand: string
  sshPort?: number
  sshIdentityFile?: string
  mpiArgs?: string
  timelineFilename?: string
  fusionThresholdMb?: number
  stallCheckWarningTimeSeconds?: number
  stallCheckShutdownTimeSeconds?: number
  stallCheck: boolean
  minNp?: number
  maxNp?: number
  hostDiscoveryScript?: string
  slotsPerHost?: number
  resetLimit?: number
  elasticTimeout?: number
  blacklistCooldown?: number
  checkBuild?: boolean
}

/** @throws UsageError where options do not go together, or would do nothing */
export function refuse(flags: Flags, transport: string, elastic?: ElasticSettings): void {
  const { hosts, hostfile, hostDiscoveryScript } = flags
  if (hosts && hostfile) throw new UsageError('got --hosts and --hostfile, expected one of them')
  if (hostDiscoveryScript && (hosts || hostfile))
    throw new UsageError(
      `got --host-discovery-script and ${hosts ? '--hosts' : '--hostfile'}, expected one of them: the script says which hosts there are`,
    )
  const idle = (option: string, value: unknown, partner: string) => {
    if (value !== undefined) throw new UsageError(`got ${option} without ${partner}, expected both or neither`)
  }
  if (transport !== 'mpi') idle('--mpi-args', flags.mpiArgs, '--transport mpi')
  if (!hostDiscoveryScript) idle('--slots-per-host', flags.slotsPerHost, '--host-discovery-script')
  if (elastic) refuseElastic(flags, transport, elastic)
  else {
    const partner = 'an elastic job (--min-np, --max-np or --host-discovery-script)'
    idle('--reset-limit', flags.resetLimit, partner)
    idle('--elastic-timeout', flags.elasticTimeout, partner)
    idle('--blacklist-cooldown', flags.blacklistCooldown, partner)
  }
}

function refuseElastic({ numProc }: Flags, transport: string, { minSize, maxSize }: ElasticSettings): void {
  if (transport === 'mpi')
    throw new UsageError('got --transport mpi with elastic options, expected auto, tcp or shm: MPI keeps its processes')
  if (numProc !== undefined && numProc > maxSize)
    throw new UsageError(`got -np ${numProc} above --max-np ${maxSize}, expected at most as many`)
  if (maxSize < minSize)
    throw new UsageError(`got --max-np ${maxSize} below --min-np ${minSize}, expected at least as many`)
  if (numProc !== undefined && numProc < minSize)
    throw new UsageError(`got -np ${numProc} below --min-np ${minSize}, expected at least as many`)
}
