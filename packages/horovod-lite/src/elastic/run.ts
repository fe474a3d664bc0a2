import { context, init, isInitialized, shutdown } from '../context'
import { HorovodInternalError, HostsUpdatedInterrupt } from './errors'
import type { State } from './state'

/** How often a new world may fail to come together, one time after the other: ranks may die while it does. */
const ATTEMPTS = 20

/**
 * Trains while ranks come and go (`hvdrun --min-np … --max-np … --host-discovery-script …`). Where a peer is lost the
 * state goes back to its last commit; where hosts have changed it stays; then the ranks that are there form a new world,
 * rank 0's state is given to all, and `train` is called again: it begins with what the state says, not with step 0.
 * Without hvdrun's elastic options it trains once.
 *
 * @returns what `train` returns
 * @throws what `train` throws, but for HorovodInternalError and HostsUpdatedInterrupt
 */
export async function run<S extends State, R>(state: S, train: (state: S) => Promise<R> | R): Promise<R> {
  if (!isInitialized()) await meet(() => init())
  for (;;)
    try {
      await state.sync()
      return await train(state)
    } catch (error) {
      if (error instanceof HorovodInternalError) await state.restore()
      else if (!(error instanceof HostsUpdatedInterrupt)) throw error
      const { environment } = context('elastic.run()')
      if (environment.HOROVOD_ELASTIC !== '1') throw error
      await shutdown()
      await meet(() => init({ environment }))
      await state.reset()
    }
}

/** A world that is being formed may lose a rank before it is there: then another is formed. */
async function meet(join: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      return await join()
    } catch (error) {
      const nobodyCame = /for all processes to start/.test((error as Error).message)
      if (nobodyCame || attempt === ATTEMPTS || globalThis.process?.env.HOROVOD_ELASTIC !== '1') throw error
    }
}
