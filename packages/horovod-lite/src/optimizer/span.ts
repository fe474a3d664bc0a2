import { context, isInitialized } from '../context'

/** Does a part of a step; rank 0's timeline shows it, where there is one. */
export function span<T>(name: 'BACKWARD' | 'REDUCE' | 'UPDATE', work: () => T): T {
  const { client, environment } = isInitialized() ? context('DistributedOptimizer') : {}
  if (client?.world.rank !== 0 || !environment?.HOROVOD_TIMELINE) return work()
  const now = () => Number(process.hrtime.bigint()) / 1e6 // the one clock of all threads
  const start = now()
  try {
    return work()
  } finally {
    client.span('DistributedOptimizer', name, start, now())
  }
}
