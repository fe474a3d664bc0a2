/** A peer is gone: nothing can be reduced any more. In elastic training `run` restores the last commit and goes on. */
export class HorovodInternalError extends Error {
  override readonly name = 'HorovodInternalError'
}

/** The set of hosts has changed: in elastic training `run` goes on with the new world, without restoring. */
export class HostsUpdatedInterrupt extends Error {
  override readonly name = 'HostsUpdatedInterrupt'
}
