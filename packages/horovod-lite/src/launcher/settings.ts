import type { Host } from './hosts'

/** What a command line asks of hvdrun. */
export interface Settings {
  command: string[]
  size: number
  hosts: Host[]
  transport: string
  /** One, or several with commas between them: the first that a host has. */
  networkInterface?: string
  /** Seconds. */
  startTimeout: number
  outputFilename?: string
  timestamps: boolean
  verbose: boolean
  sshCommand: string
  sshPort?: number
  sshIdentityFile?: string
  /** For mpirun. */
  mpiArguments: string[]
  /** HOROVOD_* of the options, for the ranks. */
  variables: Record<string, string>
  elastic?: ElasticSettings
}

export interface ElasticSettings {
  minSize: number
  maxSize: number
  discoveryScript?: string
  /** Of hosts for which the script gives none. */
  slotsPerHost?: number
  resetLimit?: number
  /** Seconds to wait for enough slots. */
  timeout: number
  /** Seconds after which a host that failed may be tried again; undefined: never. */
  blacklistCooldown?: number
}
